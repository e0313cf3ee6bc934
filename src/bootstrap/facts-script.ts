/**
 * Looks at a host and changes nothing. Its arguments are the paths to look at; it prints `name<TAB>value` lines, each
 * name as often as there is something to say. Nothing but what every Debian and Ubuntu has: no ss, no curl, no jq.
 */
export const factsScript = `
say() { printf '%s\\t%s\\n' "$1" "$2"; }
. /etc/os-release 2>/dev/null
say os "\${ID:-unknown} \${VERSION_ID:-}"
say oslike "\${ID_LIKE:-}"
say osname "\${PRETTY_NAME:-unknown}"
say arch "$(uname -m)"
say uid "$(id -u)"
say time "$(date +%s)"
[ -d /run/systemd/system ] && say systemd "$(systemctl --version | awk 'NR == 1 {print $2}')"
for place in / /var/lib /usr/local; do say disk "$place $(df -Pk "$place" 2>/dev/null | awk 'NR==2 {print $4}')"; done
for package in $PACKAGES; do
  dpkg-query -W -f 'package\\t\${Package} \${db:Status-Status}\\n' "$package" 2>/dev/null
done
for table in tcp tcp6; do
  awk '$4 == "0A" {sub(/.*:/, "", $2); print $2, $10}' "/proc/net/$table" 2>/dev/null
done | sort -u | while read -r port inode; do
  case "$port" in $PORTS) ;; *) continue ;; esac
  owner=$(find /proc/[0-9]*/fd -lname "socket:\\[$inode\\]" 2>/dev/null | head -n 1 | cut -d/ -f3)
  say listens "$((0x$port)) \${owner:-?} $(cat "/proc/$owner/comm" 2>/dev/null)"
done
if command -v dockerd >/dev/null 2>&1 || systemctl cat docker.service >/dev/null 2>&1; then say dockerd yes; fi
if command -v docker >/dev/null 2>&1; then
  say dockercli yes
  version=$(timeout 20 docker version --format '{{.Server.Version}}' 2>/dev/null) && say engine "$version"
  timeout 20 docker ps --all --no-trunc --format 'container\\t{{.ID}} {{.Names}} {{.Label "dev.orcra.run/node"}}/{{.Label "dev.orcra.run/environment"}}/{{.Label "dev.orcra.run/ingress"}}' 2>/dev/null
elif systemctl is-active --quiet docker.service 2>/dev/null; then
  say engine running
fi
[ -e /usr/local/bin/orun ] && say link "$(readlink -f /usr/local/bin/orun)"
for file in /usr/local/lib/orun/orun-*; do
  [ -f "$file" ] && say executable "$file $(sha256sum "$file" | cut -d' ' -f1)"
done
for file in /etc/orun/*.yaml; do
  [ -f "$file" ] && say agent "$file $(base64 -w 0 "$file")"
done
for unit in $UNITS; do
  say unit "$unit $(systemctl is-enabled "$unit" 2>/dev/null || true) $(systemctl is-active "$unit" 2>/dev/null || true)"
done
for path in "$@"; do
  if [ -d "$path" ]; then say folder "$(stat -c '%a %u' "$path") $path"
  elif [ -f "$path" ]; then say file "$(stat -c '%a %u' "$path") $(sha256sum "$path" | cut -d' ' -f1) $path"
  fi
done
say end yes
`;
