#!/bin/sh
# Builds the Debian package: the binary, what it says of itself to shells and to man, and the package of both.
set -e

cd "$(dirname "$0")/.."
cargo build --release --locked --package latchkey
binary=target/release/latchkey
mkdir -p target/completions
for shell in bash zsh fish; do
    "$binary" completions "$shell" > "target/completions/latchkey.$shell"
done
"$binary" man target/man
cargo deb --no-build --locked --package latchkey
