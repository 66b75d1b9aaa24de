# rollcall's commands. run, test and the builds need only Go; the others download
# what they need into $ROLLCALL_CACHE (~/.cache/rollcall).

.DEFAULT_GOAL := help
.PHONY: help run test race dynamodb replay check fmt lint vet arch template vuln sbom fuzz bench bench-contention soak erasure-full killtest sabotage functions \
	cost lambda-size sam-check sam-binaries sam-api sam-invoke sam-table sam-test conformance generate openapi console-shots clean check-fmt check-test check-race

.SHELLFLAGS := -euc

help: ## lists the targets
	@grep -hE '^[a-zA-Z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-16s %s\n", $$1, $$2 }'

# ---- every day ---------------------------------------------------------------

run: ## a server on this machine: make run ARGS=--demo, ARGS="--listen 127.0.0.1:9000"
	@go build -o bin/rollcall ./cmd/rollcall
	@exec bin/rollcall local $(ARGS)

test: ## the tests, with Go only
	@go run ./scripts/testreport -- ./...

race: ## the tests under the race detector
	go test -race ./...

dynamodb: ## the tests, also on DynamoDB Local (Java 17 and Maven)
	scripts/dynamodb-local/run.sh -- go run ./scripts/testreport -- ./...

replay: ## identity providers' requests: make replay BASE=http://127.0.0.1:8080/scim/v2 TOKEN=…
	@: $${BASE:?is the base URL of a running server} $${TOKEN:?is a bearer token of it}
	@ROLLCALL_TOKEN="$$TOKEN" go run ./cmd/replay -base "$$BASE" $(ARGS)

conformance: ## third-party suites and clients, on both engines
	@scripts/dynamodb-local/run.sh -- scripts/conformance.sh

sdk: ## the packages for applications, in TypeScript and Python: types, tests, test vectors
	@scripts/sdk.sh
.PHONY: sdk

generate: ## generated files: reference pages, tables of the setup pages, monitoring in template.yaml
	go generate ./...

openapi: ## internal/adminapi/openapi.json, from the routes and the types of the admin API
	go generate ./internal/check/openapi

console-shots: ## docs/images, pictures of the console and the portal (Chromium)
	@mkdir -p docs/images
	go test -count=1 -run 'TestShots|TestPortal_FromTheLink' ./internal/e2e/browser -shots $(CURDIR)/docs/images

fmt: ## format the code
	scripts/tool.sh gofumpt -w .

lint: ## the linters of .golangci.yml
	scripts/tool.sh golangci-lint run ./...

vet: ## go vet; make lint does it too
	go vet ./...

arch: ## import rules, and what must agree: routes, functions, commands
	go test -count=1 ./internal/check/arch

workflows: ## actionlint on .github/workflows
	scripts/tool.sh actionlint -shellcheck= -pyflakes=
.PHONY: workflows

template: ## cfn-lint, sam validate and checkov on template.yaml
	scripts/template.sh

# The names of this machine's processor in Go and in SAM.
HOST_ARCH = $(shell go env GOHOSTARCH)
SAM_ARCH = $(if $(filter arm64,$(HOST_ARCH)),arm64,x86_64)
SAM_CHECK = $(CURDIR)/.aws-sam/check

sam-check: sam-binaries ## sam build, then every event through the built binaries
	scripts/dynamodb-local/run.sh -- go test -count=1 -run 'TestEvents|TestGrants' ./internal/e2e/system

# The only run of make check for the tests of the binaries, on those of sam build. By then
# it has tested the handlers' answers to the events.
sam-binaries: template
	@mkdir -p $(SAM_CHECK)
	LAMBDA_ARCH=$(HOST_ARCH) scripts/sam.sh sam build --template template.yaml --build-dir $(SAM_CHECK) --no-cached \
		--parameter-overrides Architecture=$(SAM_ARCH) >$(SAM_CHECK).log 2>&1 || { cat $(SAM_CHECK).log; exit 1; }
	ROLLCALL_TEST_BINARIES=$(SAM_CHECK) scripts/dynamodb-local/run.sh -- go test -count=1 ./internal/dev/lambdaruntime/... ./internal/check/iam

bin/samlocal: FORCE
	@go build -o bin/samlocal ./cmd/samlocal
.PHONY: FORCE

sam-api: bin/samlocal ## serves the API with sam local start-api, in containers
	@exec bin/samlocal api $(ARGS)

sam-invoke: bin/samlocal ## invokes a function with an event: make sam-invoke EVENT=events/okta/create_user.json
	@: $${EVENT:?is missing: give the file of an event, for example events/okta/create_user.json}
	@exec bin/samlocal invoke --event "$$EVENT" $(ARGS)

sam-table: bin/samlocal ## creates and fills the table of sam local, at the address in env.json
	@exec bin/samlocal table $(ARGS)

docker-image: ## a container image of rollcall local: rollcall:local (docs/how-to/docker.md)
	scripts/image.sh rollcall:local
.PHONY: docker-image

sam-test: bin/samlocal ## checks that sam local answers as rollcall local does; needs Docker
	@exec bin/samlocal test $(ARGS)

soak: export CI = true # without an engine a test fails, and is not skipped
soak: erasure-full killtest ## the long forms of tests: make check has the short ones
	go test -count=1 -timeout 120m -v -run 'TestSimulation$$' ./internal/e2e/sim -sim.runs=100000
	go test -count=1 -timeout 120m -v -run 'TestSimulation$$' ./internal/e2e/sim -sim.runs=20000 -sim.events
	scripts/dynamodb-local/run.sh -- go test -count=1 -timeout 60m -v -run 'TestKilled$$|TestList_OfManyUsers|TestGroup_(Concurrent|ReadWhile)' ./internal/e2e/system -full
	go test -count=1 -timeout 60m -v -run 'AnyHistory|WhatNeverCame' ./mirror -histories=200000
	go test -count=1 -timeout 60m -v -run 'TestVerify_MemoryForEachUser$$' ./internal/store -verify-users=100000
	go test -count=1 -timeout 60m -v -run 'TestLog_OfAMillion$$' ./internal/store -log-entries=1000000
	scripts/dynamodb-local/run.sh -- go test -count=1 -timeout 120m -v -run 'TestGroup_RacesAreSerializable$$' ./internal/directory -races=20
	scripts/dynamodb-local/run.sh -- go test -count=1 -timeout 60m ./internal/directory ./internal/store ./internal/httpapi -engines.all
	go test -count=1 -timeout 60m -v -run 'TestSoak$$' ./internal/e2e/kill -soak.minutes=30
	go test -count=1 -timeout 60m -v -run 'TestWake_Backlog$$' ./internal/webhook -backlog=1000000
	scripts/fuzz.sh 10m
	scripts/dynamodb-local/run.sh -- go test -count=1 -timeout 0 -v -run 'Linearizable|Interrupted' ./internal/e2e/linear \
		-linear.histories=50000 -linear.dynamodb=500 -linear.pairs
	scripts/dynamodb-local/run.sh -- go test -count=1 -timeout 60m -run 'TestTable' ./internal/e2e/faults -full

sabotage: ## breaks each promise in turn, and reports whether a fast test notices: make sabotage ARGS="-name cursor"
	@go run ./internal/check/sabotage/try $(ARGS)

erasure-full: ## deletes a tenant of 200,000 users and 1,000,000 memberships: minutes, 2 GB of disk
	go test -count=1 -timeout 60m -v -run 'TestErasure_(FullSize|OfOneUserInABounded)' ./internal/store -erasure-full

killtest: ## kills rollcall local 60 times, and functions at each write, and checks what is left
	scripts/dynamodb-local/run.sh -- go test -count=1 -timeout 60m -v -run 'TestLocal|TestFunctions' ./internal/e2e/kill \
		-kill.rounds=60 -kill.disk -kill.full

cost: ## the bill of a month: make cost ARGS="-users 50000 -idp entra"
	@go run ./internal/check/cost/try $(ARGS)

vuln: ## known vulnerabilities, if their database can be reached
	scripts/vuln.sh

sbom: functions ## bills of materials of the binaries (CycloneDX), in bin/sbom
	@go build -o bin/rollcall ./cmd/rollcall
	@scripts/sbom.sh

release: ## what is published as a version, in bin/release: make release VERSION=v0.0.0-test
	@: $${VERSION:?is the version, for example v1.2.3}
	@go run ./scripts/release -version "$$VERSION" -out bin/release
.PHONY: release

fuzz: ## runs every fuzz target: make fuzz FUZZTIME=1m
	@scripts/fuzz.sh $(FUZZTIME)

bench: ## the benchmarks: make bench BENCH=Parse BENCHTIME=3s
	@scripts/bench.sh "$(or $(BENCH),.)" "$(or $(BENCHTIME),1s)"

bench-contention: ## creates and joins that need one item: docs/reference/contention.md
	go test -count=1 -timeout 60m -v -run 'TestGrid$$' ./internal/e2e/contention -docs $(CURDIR)/docs $(if $(HOLD),-hold $(HOLD))

# The packages with few mutants come first.
MUTATE_PACKAGES = journal tenant access store directory
.PHONY: mutate
mutate: ## mistakes that no fast test notices: make mutate PKG=store ARGS=-again
	nice -n 10 go run ./internal/check/mutate $(ARGS) $(or $(PKG),$(MUTATE_PACKAGES))

clean: ## removes what was built here, but not the cache
	rm -rf bin .aws-sam
	go clean -testcache

# ---- what CI runs ------------------------------------------------------------

# One step after another, each with a heading, the quick ones first. The third-party
# suites mostly wait for what they install and for DynamoDB Local, so they run
# beside the fuzz targets, which take what is left of the processors for a given time, and
# after them the packages for applications. What SAM's containers answer depends on how
# fast they are.
check: ## everything that CI runs
	@step() { printf '\n==== %s\n' "$$1"; shift; "$$@"; }; \
	step 'formatting' $(MAKE) -s check-fmt; \
	step 'linters' $(MAKE) -s lint; \
	step 'workflows' $(MAKE) -s workflows; \
	step 'import rules, routes, commands' $(MAKE) -s arch; \
	step 'tests: both engines' $(MAKE) -s check-test; \
	step 'tests: race detector' $(MAKE) -s check-race; \
	suites=$$(mktemp); $(MAKE) -s -k conformance sdk >"$$suites" 2>&1 & began=$$!; trap 'kill $$began 2>/dev/null || true; rm -f "$$suites"' EXIT; \
	ended() { wait $$began && code=0 || code=$$?; cat "$$suites"; return $$code; }; \
	step 'fuzz targets, 12 seconds each' nice scripts/fuzz.sh 12s; \
	step 'sabotage: four of the promises, broken' go run ./internal/check/sabotage/try -sample 4; \
	step 'SAM: template, build, events through the binaries' $(MAKE) -s sam-binaries; \
	step 'third-party suites and clients, packages for applications, begun beside the fuzz targets' ended; \
	step 'containers: rollcall local, and SAM local with events and the replay' sh -c 'scripts/docker.sh || true'; \
	$(MAKE) -s sam-test ARGS="--without-docker=report"; \
	step 'known vulnerabilities' $(MAKE) -s vuln; \
	printf '\n==== everything passed\n'

check-fmt:
	@unformatted=$$(scripts/tool.sh gofumpt -l .); \
	if [ -n "$$unformatted" ]; then printf 'not formatted; run make fmt:\n%s\n' "$$unformatted"; exit 1; fi

# Tests leave much behind and need little: with four times as much garbage before each
# collection they take a fifth less of a processor, below 1 GiB.
ROOMY = GOGC=400 GOMEMLIMIT=1GiB

# Two packages at a time: a test on DynamoDB Local mostly waits for it, so one package
# leaves a processor idle. Not more than two, because requests have time limits.
# Everything is compiled before, in parallel, and nothing linked: go test links each binary
# in any case. The linters have vetted all of it (govet). sam-binaries tests the binaries.
check-test:
	@go list -export -test ./... >/dev/null
	$(ROOMY) scripts/dynamodb-local/run.sh -- go run ./scripts/testreport -show 'Contract|^TestRaces/|^TestFaults/[^/]*$$|^TestService_Answers[^/]*/' -- -vet=off -p 2 -timeout 40m $$(go list ./... | grep -v '/internal/dev/lambdaruntime$$')

# The packages of the functions that have goroutines, and histories of the whole service
# with many requests at once, on the embedded engine: the detector makes each test several
# times as long. make race tests everything with it.
RACE = $(addprefix ./internal/,table/... store directory access tenant provlog logline lambdahttp web webhook app httpapi adminapi console e2e/linear)
# Tests that send one request after another show it nothing new.
ALONE = AnyHistory|AnyLostPage|AfterBytesFlipped|AnyBitOfAPageHeader|KilledAtAnyCall|WhereverItIsKilled|MemoryForEachUser|WhatThenHappens|PlainEvaluation|EachSettlesItsRace|OfAMillion|AreExact|LargestUser|AccountTypes|WithoutATrace|Reports?EachFailed|MeetingRequests|Property|EndsInABoundedNumber|TooLarge|AdviceForReads|FitsIntoLambdas|DoWhatTheySay|RefuseWithACause|ManyMembers|RoomThatUsersLeave|OfShardsIsThatOfOne|Wake_(Backlog|Dead|OnePoison|Outage|Holds|EventsThat|SendsNo)
check-race:
	@env -u CI $(ROOMY) go run ./scripts/testreport -- -race -vet=off -skip '$(ALONE)' -p 2 -timeout 40m $(RACE)

# ---- Lambda functions ----------------------------------------------------------

# sam build calls build-NAME for the function NAME of template.yaml, and takes
# the binary from $(ARTIFACTS_DIR). lambda.norpc leaves out the code for the
# retired go1.x runtime, nethttpomithttp2 that of HTTP/2, which neither DynamoDB nor
# Lambda's runtime API speaks.
#
# A plain sam build builds every function twice: for the deployment's processor
# into .aws-sam/build, which sam deploy uploads, and for this machine's into
# .aws-sam/local, which sam local runs (scripts/sam-local-build.sh).
LAMBDA_ARCH ?= arm64
BUILD = CGO_ENABLED=0 GOOS=linux go build -trimpath -buildvcs=false -ldflags '-s -w' -tags lambda.norpc,nethttpomithttp2
define build
	@mkdir -p "$(or $(ARTIFACTS_DIR),bin/lambda/$(@:build-%=%))"
	GOARCH=$(LAMBDA_ARCH) $(BUILD) -o "$(or $(ARTIFACTS_DIR),bin/lambda/$(@:build-%=%))/bootstrap" ./functions/$(1)
	@scripts/sam-local-build.sh $(@:build-%=%) ./functions/$(1) env $(BUILD)
endef

FUNCTIONS := build-UsersFunction build-GroupsFunction build-BulkFunction build-AdminFunction build-DiscoveryFunction build-OAuthFunction build-PortalFunction build-SweepFunction build-FeedFunction build-DeliverFunction build-HookFunction
.PHONY: $(FUNCTIONS)

functions: $(FUNCTIONS) ## the binaries of all functions (LAMBDA_ARCH=arm64)

lambda-size: ## size and start time of each function, compared with an empty one
	@go run ./cmd/lambdasize $(ARGS)

build-UsersFunction:
	$(call build,users)

build-GroupsFunction:
	$(call build,groups)

build-BulkFunction:
	$(call build,bulk)

build-AdminFunction:
	$(call build,admin)

build-DiscoveryFunction:
	$(call build,discovery)

build-PortalFunction:
	$(call build,portal)

build-OAuthFunction:
	$(call build,oauth)

build-SweepFunction:
	$(call build,sweep)

build-FeedFunction:
	$(call build,feed)

build-DeliverFunction:
	$(call build,deliver)

build-HookFunction:
	$(call build,hook)
