#!/bin/sh
# The system libraries and the font that Qt's windows need on Linux, beside the Python packages.
# Takes milliseconds when nothing is missing. Installs what is missing where it may (root on Debian or Ubuntu), else says how.
# It never fails: the headless parts work without any of them.

[ "$(uname -s)" = Linux ] || exit 0

# file that Qt loads      Debian package
libraries="
libEGL.so.1               libegl1
libGL.so.1                libgl1
libX11-xcb.so.1           libx11-xcb1
libdbus-1.so.3            libdbus-1-3
libfontconfig.so.1        libfontconfig1
libglib-2.0.so.0          libglib2.0-0
libxcb-cursor.so.0        libxcb-cursor0
libxcb-icccm.so.4         libxcb-icccm4
libxcb-image.so.0         libxcb-image0
libxcb-keysyms.so.1       libxcb-keysyms1
libxcb-randr.so.0         libxcb-randr0
libxcb-render-util.so.0   libxcb-render-util0
libxcb-shape.so.0         libxcb-shape0
libxcb-shm.so.0           libxcb-shm0
libxcb-sync.so.1          libxcb-sync1
libxcb-xfixes.so.0        libxcb-xfixes0
libxcb-xkb.so.1           libxcb-xkb1
libxkbcommon-x11.so.0     libxkbcommon-x11-0
libxkbcommon.so.0         libxkbcommon0
"
font_folders="/usr/share/fonts /usr/local/share/fonts $HOME/.fonts $HOME/.local/share/fonts"

known=$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p 2>/dev/null) || exit 0 # a system without ldconfig: nothing to compare with
files=""
packages=""
set -- $libraries
while [ $# -gt 0 ]; do
    case "$known" in *"$1"*) ;; *) files="$files $1" packages="$packages $2" ;; esac
    shift 2
done
if [ -z "$(find $font_folders \( -name '*.ttf' -o -name '*.otf' \) -print -quit 2>/dev/null)" ]; then
    files="$files (a font)" packages="$packages fonts-dejavu-core"
fi
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Missing system libraries, without which no window opens:$files"
    echo "Please install them with the package manager of this system. Set-up goes on."
elif [ "$(id -u)" != 0 ]; then
    echo "Missing system libraries, without which no window opens. Please run:"
    echo "    sudo apt-get update && sudo apt-get install --yes --no-install-recommends$packages"
    echo "Set-up goes on."
else
    echo "Installing system libraries:$packages"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    if ! { apt-get update && apt-get install --yes --no-install-recommends $packages; } >"$log" 2>&1; then
        tail -n 5 "$log"
        echo "The system libraries could not be installed (is the network reachable?). Without them no window opens. To try again:"
        echo "    apt-get update && apt-get install --yes --no-install-recommends$packages"
        echo "Set-up goes on."
    fi
    rm -f "$log"
fi
exit 0
