# Everything the project can do. `make demo` and `make test` install what they miss where apt and root are.
.DEFAULT_GOAL := help
.PHONY: help build demo test test-% matrix lsm soak attack sweep vet arrows symbols cross bench analyze fuzz shim lint lint-go lint-c lint-sh fmt rename rename-check clean

GOLANGCI_LINT := v2.15.0
STATICCHECK := v0.8.2
SOAK := TestLauncher(Soak|PayloadsAtOnce)|TestFastExits|TestRandomCancels|TestNothingIsLeft|TestWait(Where|Beside)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+%?:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the command, bin/nsexec
	@scripts/need.sh go gcc
	@scripts/need.sh --optional certificates
	CGO_ENABLED=1 go build -buildvcs=false -o bin/nsexec ./cmd/nsexec

demo: build ## enter a target's namespaces and show what happened
	bin/nsexec demo

test: ## run the whole suite as root, as an ordinary user, and as root of a user namespace
	@scripts/test.sh

test-%: ## run one part of it: test-identities, test-race, test-nocgo, test-builds, test-asan, test-shim, test-kernels
	@scripts/test.sh $*

matrix: ## run it on every kernel, in every build, as everybody (hours), and write docs/reliability.md; ROWS="own/musl sid/amd64"
	@scripts/matrix.sh $(ROWS)

lsm: ## run the tests under SELinux and under AppArmor, in guests
	@scripts/test.sh lsm

soak: ## launch 100,000 payloads, have 10,000 run at once, cancel and fail thousands (some minutes)
	@scripts/need.sh go gcc
	NSEXEC_SOAK=1 go test -run '$(SOAK)' -count 1 -v -timeout 60m ./nsenter

sweep: ## let every system call on the way to exec go wrong, and write the table of docs/reliability.md: as root (some minutes)
	@scripts/sweep.sh $(SWEEPFLAGS)

attack: ## let hostile targets attack, at full length, and write docs/security.md: as root (a quarter of an hour)
	@scripts/need.sh go gcc busybox
	@scripts/need.sh --optional nsenter setpriv strace runc crun podman
	NSEXEC_ATTACK=full NSEXEC_ATTACK_WRITE=1 go -C test test -count 1 -timeout 60m ./attack

vet: ## run go vet on every module
	@scripts/test.sh vet

arrows: ## check that dependencies point one way: cmd -> nsenter -> ns -> internal
	@scripts/test.sh arrows

symbols: ## check what the C code defines and uses: no malloc, no stdio, no names of other people's
	@scripts/test.sh symbols

cross: ## compile the library for other systems and without cgo
	@scripts/test.sh cross

bench: build ## measure against peers, and write docs/benchmarks.md: as root, with nothing else running
	@scripts/bench.sh $(BENCHFLAGS)

analyze: .build/staticcheck-$(STATICCHECK) ## look for mistakes without running anything: four analysers for C, two for Go
	@scripts/analyze.sh $<

fuzz: ## fuzz what reads other people's bytes, for an hour in all, or FUZZTIME=60s each
	@scripts/fuzz.sh $(TARGETS)

shim: ## run the tests while newer system calls fail, one at a time, and write docs/reliability.md (SHIM=core: some of them; SHIM="statx fsopen": some of the calls)
	@scripts/shim.sh $(SHIM)

lint: lint-go lint-c lint-sh ## run every linter

lint-go: .build/golangci-lint-$(GOLANGCI_LINT) ## lint the Go code
	for mod in . test bench; do (cd $$mod && $(CURDIR)/$< run ./...) || exit; done

lint-c: ## compile the C code with gcc and clang, warnings being errors, and check its format
	@scripts/lint-c.sh

lint-sh: ## lint the shell scripts
	@scripts/need.sh shellcheck
	shellcheck -x scripts/*.sh .ci/run test/guest/init

.build/golangci-lint-$(GOLANGCI_LINT):
	GOBIN=$(CURDIR)/.build go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	mv .build/golangci-lint $@

.build/staticcheck-$(STATICCHECK):
	@scripts/need.sh go
	@scripts/need.sh --optional certificates
	GOBIN=$(CURDIR)/.build go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK)
	mv .build/staticcheck $@

fmt: ## format the Go and C code
	@scripts/need.sh clang-format
	gofmt -w .
	find nsenter test/fuzz -name '*.[ch]' -exec clang-format -i {} +

rename: ## give the module another path: make rename MODULE=example.org/you/nsexec
	@scripts/rename.sh '$(MODULE)'

rename-check: ## rename a copy of the module, and build and vet it
	@scripts/rename-check.sh

clean: ## remove what was built
	rm -rf bin .build
