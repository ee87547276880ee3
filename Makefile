# make test is the whole check; the other targets are parts of it, and fmt and bench.

FUZZTIME ?= 3s
BENCH ?= .

check = go run -C internal/tools ./cmd/check -fuzztime=$(FUZZTIME)
go_files = git ls-files -z --cached --others --exclude-standard --deduplicate '*.go'

.PHONY: test lint fuzz e2e fmt bench

test:
	@$(check)

lint fuzz e2e:
	@$(check) $@

fmt:
	@$(go_files) | xargs -0 go tool -modfile=internal/tools/go.mod gofumpt -l -w

bench:
	go test -run='^$$' -bench='$(BENCH)' -benchmem ./...
