# Sourced by the scripts beside it: from the root of the repository, with the pinned Node and the tools of package-lock.json first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
