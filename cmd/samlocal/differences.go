package main

import "strings"

// difference is one between sam local start-api and API Gateway that reaches the
// service, as docs/how-to/sam-local.md tells: a request that is answered otherwise, or a
// line of the replay that cannot pass. samlocal test holds each true, so that one
// that SAM mends is taken out.
type difference struct {
	// name is how docs/how-to/sam-local.md calls it.
	name string
	// line is the id of a line of internal/replay, for a difference that shows there.
	line string

	// The request, and the statuses of the answers under rollcall local, which
	// answers as API Gateway does, and under SAM.
	method, path string
	header       [2]string
	body         string
	local, sam   int
}

// differences are all that are known. No line of the replay is among them.
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

// known is the difference that keeps a line of the replay from passing.
func known(all []difference, line string) (difference, bool) {
	for _, d := range all {
		if d.line == line && line != "" {
			return d, true
		}
	}
	return difference{}, false
}
