# The demo in a container:
#   docker build -t nsexec . && docker run --rm --privileged nsexec
# BASE is any Debian image that has Go; the result holds a static nsexec and a busybox, nothing of BASE.
ARG BASE=golang:1.26-bookworm

FROM ${BASE} AS build
ENV PATH=/usr/local/go/bin:$PATH
WORKDIR /src
COPY scripts/need.sh scripts/
RUN scripts/need.sh gcc busybox certificates
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=1 go build -buildvcs=false -tags netgo,osusergo \
        -ldflags '-linkmode=external -extldflags=-static' -o /out/bin/nsexec ./cmd/nsexec
RUN cp "$(command -v busybox)" /out/bin/ && /out/bin/busybox --install /out/bin \
        && mkdir /out/proc /out/sys /out/dev /out/tmp

FROM scratch
COPY --from=build /out/ /
ENV PATH=/bin
ENTRYPOINT ["/bin/nsexec"]
CMD ["demo"]
