# make test runs the whole check. The other targets are parts of it, except fmt,
# bench (the cost of deliveries, compared with what the operating system needs
# for them; takes two minutes) and microbench (single calls).

FUZZTIME ?= 3s
BENCHFLAGS ?= -memory=9900
BENCH ?= .

check = go run -C internal/tools ./cmd/check -fuzztime=$(FUZZTIME)
go_files = git ls-files -z --cached --others --exclude-standard --deduplicate '*.go'

.PHONY: test lint fuzz e2e fmt bench microbench

test:
	@$(check)

lint fuzz e2e:
	@$(check) $@

fmt:
	@$(go_files) | xargs -0 go tool -modfile=internal/tools/go.mod gofumpt -l -w

bench:
	@go run ./internal/bench $(BENCHFLAGS)

microbench:
	go test -run='^$$' -bench='$(BENCH)' -benchmem ./...
