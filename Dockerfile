# syntax=docker/dockerfile:1
# The image of every role: docs/scaled.md. Both bases can be replaced, by any with Rust 1.95 and a C compiler, and by any
# with glibc.
ARG TOOLCHAIN=rust:1.95-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

# What decides on the dependencies: manifests, the lock file, and sources without content.
FROM ${TOOLCHAIN} AS manifests
WORKDIR /src
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -path './.cargo/*' ! -name lib.rs ! -name main.rs -delete \
    && find . -name lib.rs -exec truncate --size 0 {} + \
    && find . -name main.rs -exec sh -c 'for file; do echo "fn main() { }" > "$file"; done' sh {} +

# Their layer stays as it is until one of those changes.
FROM ${TOOLCHAIN} AS dependencies
WORKDIR /src
COPY --from=manifests /src .
RUN cargo build --release --locked --package latchkey

FROM dependencies AS build
COPY . .
# Cargo compares times, and those of the sources are older than what was built without their content.
RUN find . -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --package latchkey \
    && install -D target/release/latchkey /out/latchkey \
    && install -d -m 1777 /out/lib/photos

FROM ${BASE}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/latchkey /usr/local/bin/latchkey
# A volume that is mounted there takes this mode, so that any user may write into it.
COPY --from=build /out/lib/ /var/lib/latchkey/
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["latchkey"]
CMD ["serve"]
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s CMD ["latchkey", "health"]
