/**
 * Replaces the executable in force and judges the new one; puts the old one back when it does not prove itself. It runs on
 * the host as a unit of its own, so that it ends what it began also when the connection is gone. Needs bash and systemd.
 *
 * Arguments: the new executable, its unit file (put beside it), the file for the result, which begins with `done` or `back`.
 */
export const upgradeScript = `#!/bin/bash
set -u
new=$1 newunit=$2 result=$3 link=/usr/local/bin/orun unitfile=/etc/systemd/system/orun@.service patience=60
old=$(readlink -f "$link")
oldunit=$newunit.old
# Put there by hand: a copy is what to go back to.
[ -L "$link" ] || { old=\${new%/*}/orun-before; cp "$link" "$old"; }
finish() { printf '%s\\n' "$1" > "$result.new"; mv -fT "$result.new" "$result"; exit "$2"; }
switch_to() { # executable, unit file
  cmp -s "$2" "$unitfile" || { cp "$2" "$unitfile.new" && mv -fT "$unitfile.new" "$unitfile" && systemctl daemon-reload; } || return 1
  ln -sfn "$1" "$link.new" && mv -fT "$link.new" "$link"
}

# What the agent of a unit answers on its status port: an HTTP status, or nothing.
answer() {
  local instance=\${1#orun@} port code
  port=$(sed -n 's/^statusPort: *\\([0-9]*\\).*/\\1/p' "/etc/orun/\${instance%.service}.yaml" 2>/dev/null)
  code=$( { exec 3<>"/dev/tcp/127.0.0.1/\${port:-9100}" &&
    printf 'GET %s HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' "$2" >&3 &&
    read -r -t 5 _ code _ <&3 && echo "$code"; } 2>/dev/null )
  echo "\${code:-}"
}
pid_of() { systemctl show --property MainPID --value "$1"; }
# Only what was well before has to be well again; the others have to live.
page_for() { case " $well " in *" $1 "*) echo /readyz ;; *) echo /healthz ;; esac; }
proven() { # unit executable
  local pid; pid=$(pid_of "$1")
  [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$2" ] && [ "$(answer "$1" "$(page_for "$1")")" = 200 ] || return 1
  sleep 3
  [ "$(pid_of "$1")" = "$pid" ] && [ "$(answer "$1" "$(page_for "$1")")" = 200 ]
}
prove() { # executable; the units that did not
  local unit left="$units" end=$((SECONDS + patience)) still
  while [ -n "$left" ] && [ $SECONDS -lt $end ]; do
    still=
    for unit in $left; do proven "$unit" "$1" || still="$still $unit"; done
    left=$still
    [ -z "$left" ] || sleep 1
  done
  echo "$left"
}
restart() { [ -z "$units" ] || systemctl restart --no-block $units; }

units=$(systemctl list-units --plain --no-legend --state=active,activating 'orun@*.service' | cut -d' ' -f1 | tr '\\n' ' ')
well=
for unit in $units; do [ "$(answer "$unit" /readyz)" = 200 ] && well="$well $unit"; done

cp "$unitfile" "$oldunit" && switch_to "$new" "$newunit" || finish "back: $link could not be switched" 1
restart
failed=$(prove "$new")
if [ -z "$failed" ]; then
  for file in /usr/local/lib/orun/orun-*; do
    case "$file" in "$old" | "$new") ;; *) rm -f "$file" ;; esac
  done
  finish "done: $new is in force\${units:+ and proven by $units}" 0
fi
why=$(for unit in $failed; do
  printf '%s answered "%s" to %s; the end of its log:\\n' "$unit" "$(answer "$unit" "$(page_for "$unit")")" "$(page_for "$unit")"
  journalctl --unit "$unit" --lines 8 --no-pager --output cat 2>/dev/null
done)
switch_to "$old" "$oldunit"
systemctl reset-failed $units 2>/dev/null
restart
failed=$(prove "$old")
finish "back: $old is in force again\${failed:+, and these are not well with it either:$failed}. With $new,
$why" 1
`;
