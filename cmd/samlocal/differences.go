package main

import "strings"

// A difference is one between sam local start-api and API Gateway that affects
// the service, as described in docs/how-to/sam-local.md: a request that is answered
// differently, or a line of the replay that cannot pass. samlocal test checks
// that each still exists, so that a difference that SAM fixes is removed.
type difference struct {
	// name is its name in docs/how-to/sam-local.md.
	name string
	// line is the id of a line of internal/e2e/replay, for a difference that
	// affects one.
	line string

	// The request, and the statuses of its answers under rollcall local, which
	// answers as API Gateway does, and under SAM.
	method, path string
	header       [2]string
	body         string
	local, sam   int
}

// differences are all known ones. No line of the replay is among them.
var differences = []difference{
	{
		name: "a body that is not UTF-8", method: "POST", path: "/Users", body: "{\"userName\":\"\xff\"}",
		local: 400, sam: 502,
	},
	{
		name: "a body too large for Lambda", method: "POST", path: "/Users", body: `{"userName":"` + strings.Repeat("x", 7<<20) + `"}`,
		local: 413, sam: 400,
	},
	{
		name: "a header that SAM reads itself", method: "GET", path: "/Users?count=0", header: [2]string{"X-Amz-Tenant-Id", "acme"},
		local: 200, sam: 400,
	},
}

// known returns the difference that makes a line of the replay fail.
func known(all []difference, line string) (difference, bool) {
	for _, d := range all {
		if d.line == line && line != "" {
			return d, true
		}
	}
	return difference{}, false
}
