#!/bin/bash
# debian-tree.sh SUITE FOLDER PACKAGE...
# Downloads the packages with all they depend on from a Debian suite and unpacks them into FOLDER, which then runs without the host's libraries.
# Needs no root: apt gets a state of its own in FOLDER.apt, nothing is installed, no maintainer script runs, so no service starts.
set -euo pipefail
suite=$1 folder=$2
shift 2
state=$folder.apt
trap 'rm -rf "$state"' EXIT
mkdir -p "$folder" "$state"/{lists/partial,cache/archives/partial,log,etc/{apt.conf.d,preferences.d,sources.list.d}}
: >"$state/status"

# The mirror is whichever one this host uses for its own release; apt itself answers, so both formats of source files work.
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
targets=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages')
mirror=${DEBIAN_MIRROR:-$(awk -v release="$release" '$3 == "main" && ($2 == release || $2 == "stable" || $2 == "sid" || $2 == "unstable") {print $1; exit}' <<<"$targets")}
[ -n "$mirror" ] || mirror=$(awk '$1 ~ /\/debian\/$/ {print $1; exit}' <<<"$targets")
[ -n "$mirror" ] || { echo "no Debian mirror among this host's apt sources; name one in DEBIAN_MIRROR" >&2; exit 1; }

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e $keyring ] || { echo "$keyring is missing; install the package debian-archive-keyring" >&2; exit 1; }
echo "deb [signed-by=$keyring] $mirror $suite main" >"$state/etc/sources.list"

options=(
  -o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache"
  -o Dir::Etc="$state/etc" -o Dir::Etc::sourcelist="$state/etc/sources.list" -o Dir::Etc::sourceparts="$state/etc/sources.list.d"
  -o Dir::Etc::netrc=/etc/apt/auth.conf -o Dir::Etc::netrcparts=/etc/apt/auth.conf.d -o Dir::Log="$state/log"
  -o APT::Sandbox::User="" -o APT::Install-Recommends=false -o APT::Keep-Downloaded-Packages=true
  -o Acquire::Languages=none -o Acquire::Retries=3 -o Debug::NoLocking=true
)
apt-get "${options[@]}" -q -o APT::Update::Error-Mode=any update
apt-get "${options[@]}" -q -y --download-only install "$@"
for package in "$state"/cache/archives/*.deb; do dpkg-deb -x "$package" "$folder"; done
rm -rf "$folder"/usr/share/{doc,man,locale,info,lintian,bug,perl} "$folder"/usr/lib/*/perl "$folder"/var "$folder"/etc/{init.d,systemd}
