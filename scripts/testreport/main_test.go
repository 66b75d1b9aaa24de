package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	const input = `{"Action":"start","Package":"a"}
not JSON
{"Action":"output","Package":"a","Test":"TestContract","Output":"contract's log\n"}
{"Action":"pass","Package":"a","Test":"TestContract","Elapsed":0.5}
{"Action":"output","Package":"a","Test":"TestQuiet","Output":"quiet's log\n"}
{"Action":"pass","Package":"a","Test":"TestQuiet"}
{"Action":"output","Package":"a","Test":"TestSkipped","Output":"=== RUN   TestSkipped\n"}
{"Action":"output","Package":"a","Test":"TestSkipped","Output":"    a_test.go:7: no engine: start one\n"}
{"Action":"output","Package":"a","Test":"TestSkipped","Output":"--- SKIP: TestSkipped (0.00s)\n"}
{"Action":"skip","Package":"a","Test":"TestSkipped"}
{"Action":"output","Package":"a","Output":"PASS\n"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.5s\n"}
{"Action":"pass","Package":"a"}
{"Action":"output","Package":"b","Test":"TestBad","Output":"why\n"}
{"Action":"fail","Package":"b","Test":"TestBad"}
{"Action":"output","Package":"b","Output":"FAIL\tb\n"}
{"Action":"fail","Package":"b"}
{"Action":"build-output","ImportPath":"c","Output":"syntax error\n"}
{"Action":"output","Package":"c","Output":"FAIL\tc [build failed]\n"}
{"Action":"fail","Package":"c"}
{"Action":"skip","Package":"d"}
`
	var out bytes.Buffer
	r := &report{
		w: &out, named: regexp.MustCompile("Contract"), output: make(map[string][]string), broken: make(map[string]bool),
		reasons: make(map[string]int),
	}
	require.NoError(t, r.read(strings.NewReader(input)))
	r.end()
	const want = `not JSON
    PASS TestContract (0.50s)
ok  	a	0.5s
why
FAIL	b
syntax error
FAIL	c [build failed]
1 skipped: no engine: start one
2 passed, 2 failed, 1 skipped
`
	assert.Equal(t, want, out.String())
}
