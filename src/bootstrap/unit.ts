/** The systemd unit of the agent (SPEC 9), as text. Pure: who installs it decides where it goes. */

/** Where it belongs on a host. */
export const UNIT_PATH = "/etc/systemd/system/orun@.service";

/** The unit of one agent: `orun@agent` reads /etc/orun/agent.yaml, `orun@staging` /etc/orun/staging.yaml. */
export function unitName(instance: string): string {
  return `orun@${instance}.service`;
}

/** Where the settings of an instance are. */
export function configPath(instance: string): string {
  return `/etc/orun/${instance}.yaml`;
}

/** What {@link unitText} depends on. */
export interface UnitOptions {
  /** Absolute path of the executable. */
  executable: string;
  /** The host's systemd, as in `systemctl --version`; 254 brought the growing delay between restarts. */
  systemdVersion: number;
}

/**
 * The template unit `orun@.service`. What it must never do is take workloads along: they live in the engine's control groups, it
 * requires nothing of the engine, and the lock folder outlives it.
 */
export function unitText({ executable, systemdVersion }: UnitOptions): string {
  return `# Written by 'orun bootstrap', which replaces it: put your changes into 'systemctl edit orun@INSTANCE'.
[Unit]
Description=orun, GitOps agent (/etc/orun/%i.yaml)
Documentation=https://orcra.dev/orun
# Only an order: on the way down the agent ends before the engine stops its containers. It lives without the engine, too.
After=docker.service network.target
AssertPathExists=/etc/orun/%i.yaml
# Restarts for ever.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
ExecStart=${executable} start --config /etc/orun/%i.yaml
Restart=always
${restart(systemdVersion)}
TimeoutStartSec=60
TimeoutStopSec=10
# Sent by the event loop every 20 seconds.
WatchdogSec=60
TimeoutAbortSec=10
LimitCORE=0
# The agent first; what is left of its own git and ssh afterwards. Containers are not in this control group.
KillMode=mixed

# Locks and sockets that agents share: never removed with one of them.
RuntimeDirectory=orun
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes

# Its own limit, so that a huge repository hurts nobody but git; a killed git is reported, and does not end the agent.
MemoryMax=512M
OOMPolicy=continue
TasksMax=256

# Whoever may use the engine's socket is root in the end. This keeps an agent that was tricked from doing anything else.
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=-/opt/orun
# Readable: env files and build contexts may be there.
ProtectHome=read-only
PrivateMounts=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
# Reading env files of other users, and naming the process that has a port.
CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_SYS_PTRACE
AmbientCapabilities=
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
UMask=0077
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# A file that is replaced keeps its owner.
SystemCallFilter=@chown
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}

/** From one second up to a minute; older systemd knows no growing delay. */
function restart(systemdVersion: number): string {
  return systemdVersion >= 254 ? "RestartSec=1\nRestartSteps=6\nRestartMaxDelaySec=60" : "RestartSec=5";
}

/**
 * A drop-in for an instance whose state is not below /opt/orun: `/etc/systemd/system/orun@INSTANCE.service.d/paths.conf`.
 * Null when the template says it all.
 */
export function unitPaths(dataDir: string): string | null {
  const folder = dataDir.replace(/\/+$/, "");
  if (folder === "/opt/orun" || folder.startsWith("/opt/orun/")) return null;
  // systemd splits at spaces and expands %: both are quoted (systemd.unit(5), systemd.syntax(7)).
  const quoted = folder.replaceAll("%", "%%").replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return `# Written by 'orun bootstrap'.\n[Service]\nReadWritePaths="-${quoted}"\n`;
}
