#!/bin/sh
# Installs the Debian packages that the tests run against; with "demo" or "bench", those that these need. Does
# nothing if all are present. Root gets them installed, without starting any daemon; others get the one line
# to type, and tests that need a missing tool are skipped by name. With CI=true a tool that is still missing
# is a failure.
set -eu
PATH="$PATH:/usr/sbin:/sbin"

# What is looked for, and the package that it is in.
demo="ip:iproute2 avahi-daemon:avahi-daemon avahi-browse:avahi-utils dbus-daemon:dbus
  dig:bind9-dnsutils tcpdump:tcpdump /usr/lib/python3/dist-packages/dbus:python3-dbus"
case "${1:-test}" in
  test)
    tools="$demo kdig:knot-dnsutils named-checkzone:bind9-utils kzonecheck:knot-dnssecutils
      named:bind9 knotd:knot nsd:nsd pdns_server:pdns-server
      /usr/share/pdns-backend-sqlite3:pdns-backend-sqlite3 sqlite3:sqlite3
      mdnsd:mdnsd ldns-compare-zones:ldnsutils unbound:unbound chromium-headless-shell:chromium-headless-shell
      dnsmasq:dnsmasq-base dnsviz:dnsviz zonemaster-cli:zonemaster-cli
      /usr/lib/python3/dist-packages/pygraphviz:python3-pygraphviz
      /usr/lib/python3/dist-packages/zeroconf:python3-zeroconf
      /usr/lib/*/perl5/*/Net/DNS/SEC:libnet-dns-sec-perl"
    ;;
  demo) tools=$demo ;;
  bench) tools="named:bind9 dnsperf:dnsperf" ;;
  *)
    echo "usage: install-tools.sh [test|demo|bench]" >&2
    exit 2
    ;;
esac

missing_packages() {
  for tool in $tools; do
    name=${tool%:*}
    # shellcheck disable=SC2086
    command -v "$name" >/dev/null || ls -d $name >/dev/null 2>&1 || printf '%s ' "${tool#*:}"
  done
}

packages=$(missing_packages)
[ -n "$packages" ] || exit 0
install="apt-get install -y --no-install-recommends $packages"

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  output=$(mktemp)
  policy=/usr/sbin/policy-rc.d
  trap 'rm -f "$output"' EXIT
  trap 'exit 1' HUP INT TERM
  if [ ! -e "$policy" ]; then
    # "Action forbidden" keeps what is installed from being started (invoke-rc.d(8)).
    trap 'rm -f "$output" "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  echo "installing $packages" >&2
  # shellcheck disable=SC2086
  $install >"$output" 2>&1 || { apt-get update && $install; } >"$output" 2>&1 || cat "$output" >&2
  packages=$(missing_packages)
  [ -n "$packages" ] || exit 0
fi

echo "not installed: $packages" >&2
echo "what needs them is skipped; to have them: sudo $install" >&2
[ "${CI:-}" != true ]
