package cost

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Page returns docs/reference/cost.md for the template of the tree.
func Page(tree fs.FS) ([]byte, error) {
	now, err := current(tree)
	if err != nil {
		return nil, err
	}
	before, err := readBefore()
	if err != nil {
		return nil, err
	}
	was := setup{before.Deployment, before.Measured, now.prices}
	p := &page{}
	p.intro(before.Commit, now.prices)
	p.totals(was, now)
	p.savings(was, now)
	p.operations(was, now)
	p.memory(now)
	if err := p.events(now); err != nil {
		return nil, err
	}
	p.traffic()
	p.prices(now.prices)
	p.parameters(now.deployment)
	if err := p.unbilled(tree); err != nil {
		return nil, err
	}
	p.own()
	return []byte(p.String()), nil
}

// current returns the setup of the tree, measured now.
func current(tree fs.FS) (s setup, err error) {
	if s.prices, err = readPrices(); err != nil {
		return s, err
	}
	if s.deployment, err = ReadDeployment(tree); err != nil {
		return s, err
	}
	s.measured, err = Measure()
	return s, err
}

type page struct{ strings.Builder }

func (p *page) line(format string, values ...any) { fmt.Fprintf(p, format+"\n", values...) }

// row writes a row of a table.
func (p *page) row(cells ...string) { p.line("| %s |", strings.Join(cells, " | ")) }

// head writes the head of a table whose columns after the first ones are
// numbers.
func (p *page) head(texts int, cells ...string) {
	p.row(cells...)
	rule := make([]string, len(cells))
	for i := range rule {
		if rule[i] = "---"; i >= texts {
			rule[i] = "---:"
		}
	}
	p.line("|%s|", strings.Join(rule, "|"))
}

func (p *page) intro(commit string, prices Prices) {
	p.line(`# What it costs

What a million requests cost in AWS, what each operation uses, and how to compute your own bill.
`+"`make generate`"+` writes this page, and a test compares it with the code.
The numbers of commit %s are kept, as *before*; *now* is measured.

- **Measured**: round trips, read and write units, log bytes and answer bytes of each operation, through the real handlers on the engine in memory, for a user of 1.5 KB with one email.
  Units are computed from the sizes of items by AWS's rules; a cancelled transaction is counted in full.
- **Documented**: prices (%s, %s), the lines that Lambda and API Gateway log, the 26 bytes that CloudWatch adds to each.
- **Assumed**: the traffic, and how long a request takes ([parameters](#parameters)).

Nothing was measured in AWS: compare with the bill of your first month.
`, commit, prices.Region, prices.Date)
}

func dollars(d float64) string { return fmt.Sprintf("%.2f", d) }

func (p *page) totals(was, now setup) {
	p.line("## A million requests\n\nDollars, without free tiers. [Traffic](#traffic) describes the three models.\n")
	head := []string{""}
	for _, m := range models {
		head = append(head, m.name+", before", "now")
	}
	p.head(1, head...)
	bold := []string{""}
	for _, item := range items {
		cells := []string{item}
		for _, m := range models {
			cells = append(cells, dollars(was.of(m, 1e6)[item]), dollars(now.of(m, 1e6)[item]))
		}
		p.row(cells...)
	}
	for _, m := range models {
		bold = append(bold, "**"+dollars(was.of(m, 1e6).total())+"**", "**"+dollars(now.of(m, 1e6).total())+"**")
	}
	p.row(bold...)
	month := make([]string, len(models)-1)
	for i, m := range models[1:] {
		month[i] = fmt.Sprintf("%s sends %.0f requests, for %s dollars", m.name, m.requests(), dollars(now.of(m, m.requests()).total()))
	}
	p.line(`
In a month, for 1,000 users, %s.
Earlier versions of the documentation estimated 4.52 dollars for a million mixed requests: from the
upper limits of the budgets in place of measurements, and without the answers' data transfer.
To compare with 4.52: without the data transfer, the mixed million is %s dollars before, and %s now.
With `+"`LogSampleReads: 10`"+` it is %s with the answers.
`, strings.Join(month, ", and "), dollars(was.of(mixed, 1e6).total()-was.of(mixed, 1e6)[itemAnswers]),
		dollars(now.of(mixed, 1e6).total()-now.of(mixed, 1e6)[itemAnswers]), dollars(now.sampling(10).of(mixed, 1e6).total()))
}

// A saving changes one part of a setup from what it was to what it is.
type saving struct {
	what  string
	apply func(s *setup, now setup)
}

var savings = []saving{
	{"X-Ray is off by default (0.250, and the trace in Lambda's lines)", func(s *setup, now setup) { s.deployment.Tracing = now.deployment.Tracing }},
	{"Lambda's lines only of failures (`SystemLogLevel: WARN`)", func(s *setup, now setup) { s.deployment.Platform = now.deployment.Platform }},
	{"API Gateway's line without what the event or a metric has", func(s *setup, now setup) { s.deployment.Access = now.deployment.Access }},
	{"the event without fields that say nothing", func(s *setup, now setup) {
		s.change(now, nil, func(was, is Used) Used { was.EventBytes = is.EventBytes; return was })
	}},
	{"one in N successful reads is logged (`LogSampleReads`)", func(s *setup, now setup) { s.deployment.SampleReads = now.deployment.SampleReads }},
	{"the memory of the functions", func(s *setup, now setup) { s.deployment.MemoryMB = now.deployment.MemoryMB }},
	{"requests that change nothing", changes(changeNothing, replaceSame, joinAgain, deleteAgain)},
	{"creating a user who exists inactive or deleted", changes(reactivateUser, restoreUser)},
	{"creating an active user", changes(createActive, createAgain, createAnew)},
	{"creating a user without a free seat", changes(createFull, createFullMore)},
	{"all else", func(s *setup, now setup) { s.measured = now.measured }},
}

// changes returns a step that takes over what some operations use.
func changes(operations ...string) func(*setup, setup) {
	return func(s *setup, now setup) {
		s.change(now, operations, func(_, is Used) Used { return is })
	}
}

// change replaces what some operations use, or all if none is named.
func (s *setup) change(now setup, names []string, by func(was, is Used) Used) {
	changed := Measured{First: s.measured.First}
	for _, was := range s.measured.Operations {
		use := was
		for _, name := range names {
			if name == was.Operation {
				use = by(was, now.measured.Of(name))
			}
		}
		if names == nil {
			use = by(was, now.measured.Of(was.Operation))
		}
		changed.Operations = append(changed.Operations, use)
	}
	s.measured = changed
}

// sampling returns the setup with one in n successful reads logged.
func (s setup) sampling(n int) setup {
	s.deployment.SampleReads = n
	return s
}

// memories are the sizes of a function that the page compares.
var memories = []int{128, 256, 512, 1024}

// memory compares sizes of the functions.
func (p *page) memory(now setup) {
	p.line(`## Memory

A function's share of a processor grows with its memory, and so does the price of its time.
By the [parameters](#parameters), without the start of instances:
`)
	p.head(1, "memory", "processor", "find a user, ms", "create a user, ms", "dollars of a million mixed requests")
	for _, size := range memories {
		s := now
		s.deployment.MemoryMB = size
		ms := func(operation string) string {
			return fmt.Sprintf("%.0f", s.duration(float64(s.measured.Of(operation).RoundTrips))-coldShare*startMS)
		}
		p.row(fmt.Sprintf("%d MB", size), fmt.Sprintf("%.2f", float64(size)/fullProcessor), ms(findUser), ms(createUser), fmt.Sprintf("%.3f", s.of(mixed, 1e6)[itemTime]))
	}
	p.line(`
The default is %d MB. 128 MB would save two cents more, and double the time of everything that needs the processor:
a search that walks 10,000 users has 5 s, and a bulk request 9 s.
Neither this nor the memory that a function needs was measured in AWS; `+"`maxMemoryUsedMB`"+` is in Lambda's lines with `+"`SystemLogLevel: INFO`"+`.
`, now.deployment.MemoryMB)
}

func (p *page) savings(was, now setup) {
	p.line("## What changed\n\nDollars saved of a million requests, each step after the ones above it. A step that changes nothing yet is 0.000.\n")
	head := []string{""}
	for _, m := range models {
		head = append(head, m.name)
	}
	p.head(1, head...)
	at := was
	for _, step := range savings {
		next := at
		step.apply(&next, now)
		cells := []string{step.what}
		for _, m := range models {
			saved := at.of(m, 1e6).total() - next.of(m, 1e6).total()
			cells = append(cells, strings.Replace(fmt.Sprintf("%.3f", saved), "-0.000", "0.000", 1))
		}
		p.row(cells...)
		at = next
	}
	p.line("\nLog bytes of a read that finds a user: %.0f before, %.0f now.\n", was.logBytes(findUser), now.logBytes(findUser))
}

func (p *page) operations(was, now setup) {
	p.line("## Each operation\n\nBefore → now, if they differ. Dollars are those of a million such requests, all items.\n")
	p.head(2, "operation", "request", "round trips", "RRU", "WRU", "log bytes", "answer bytes", "dollars")
	arrow := func(before, after string) string {
		if before == after {
			return after
		}
		return before + " → " + after
	}
	for _, o := range operations() {
		b, n := was.measured.Of(o.name), now.measured.Of(o.name)
		number := func(x, y float64) string { return arrow(fmt.Sprintf("%.0f", x), fmt.Sprintf("%.0f", y)) }
		p.row(o.name, o.what, number(float64(b.RoundTrips), float64(n.RoundTrips)), number(b.ReadUnits, n.ReadUnits),
			number(b.WriteUnits, n.WriteUnits), number(was.logBytes(o.name), now.logBytes(o.name)),
			number(float64(b.AnswerBytes), float64(n.AnswerBytes)),
			arrow(dollars(was.ofRequest(o.name).total()*1e6), dollars(now.ofRequest(o.name).total()*1e6)))
	}
	b, n := was.measured.First, now.measured.First
	p.line(`
In addition, a tenant's first request in ten seconds on an instance of a function reads the token and the tenant
(%d round trip, %.0f RRU), and the first in a minute writes when it came (%s WRU).
`, n.RoundTrips, n.ReadUnits, arrow(fmt.Sprintf("%.0f", b.WriteUnits), fmt.Sprintf("%.0f", n.WriteUnits)))
}

func (p *page) traffic() {
	p.line(`## Traffic

The sequences are those that the identity providers send, which are recorded:
[Entra's requests](entra-requests.md), [Okta's requests](okta-requests.md).
How often each happens is an assumption; ` + "`make cost`" + ` computes with other numbers of users.
Entra's cycle is 40 minutes; it looks for each user 1.2 times a day here, and one look in six is followed by a
PATCH of what the user has already.
*Mixed* is four lookups in five requests, the rest changes, as in earlier estimates.
`)
	for _, m := range models {
		p.line("### %s\n", m.name)
		if m.name == mixed.name {
			p.head(1, "requests", "of 100")
			for _, s := range m.shares() {
				p.row(s.operation, fmt.Sprintf("%.1f", s.part*100))
			}
		} else {
			p.head(2, "case", "requests", "a month, of 1,000 users")
			for _, o := range m.cases {
				p.row(o.why, abbreviated(o.requests), fmt.Sprintf("%.0f", o.times))
			}
		}
		p.line("")
	}
}

// abbreviated lists requests, a repeated one once with its number.
func abbreviated(requests []string) string {
	var list []string
	for i := 0; i < len(requests); {
		n := 1
		for i+n < len(requests) && requests[i+n] == requests[i] {
			n++
		}
		text := requests[i]
		if n > 1 {
			text = fmt.Sprintf("%d × %s", n, text)
		}
		list, i = append(list, text), i+n
	}
	return strings.Join(list, ", ")
}

func (p *page) prices(prices Prices) {
	p.line("## Prices\n\n%s, %s, from `internal/check/cost/prices.json`. Check them before you rely on them.\n", prices.Region, prices.Date)
	p.line("| item | unit | dollars | source |\n|---|---|---:|---|")
	for _, one := range prices.Prices {
		unit := fmt.Sprintf("%.0f million %s", one.Per/1e6, one.Unit)
		switch one.Per {
		case 1:
			unit = one.Unit
		case 1e9:
			unit = "1 GB" + strings.TrimPrefix(one.Unit, "bytes")
		case 1e6:
			unit = "1 million " + one.Unit
		}
		source := "[AWS](" + one.Source + ")"
		if one.Note != "" {
			source += ": " + one.Note
		}
		p.row(one.Item, unit, strconv.FormatFloat(one.Dollars, 'f', -1, 64), source)
	}
	p.line("")
}

func (p *page) parameters(d Deployment) {
	p.line(`## Parameters

Only a deployment can confirm these (`+"`internal/check/cost/model.go`"+`).
On one virtual processor of an AMD EPYC, with the SDK's client of DynamoDB and without TLS, a search that finds nobody took
0.3 ms of processor time, one that finds a user 0.7 ms, and a creation 1.4 ms.

| parameter | value |
|---|---|
| a call of DynamoDB, waiting | %v ms |
| processor time of a request | %v ms of a whole processor, and %v ms for each call of DynamoDB |
| a whole processor | %d MB of memory; a function of %d MB has %.2f of one |
| requests that start an instance | %v in 100, %v ms each |
| requests of a tenant in a row | %v within ten seconds on one instance |
| requests that X-Ray samples, if it is on | %v in 100 |
`, tripMS, processorMS, tripProcessorMS, fullProcessor, d.MemoryMB, float64(d.MemoryMB)/fullProcessor, coldShare*100, startMS, inARow, traced*100)
}

// unbilled says what the prices above leave out. It does not depend on requests.
func (p *page) unbilled(tree fs.FS) error {
	template, err := fs.ReadFile(tree, "template.yaml")
	if err != nil {
		return err
	}
	const alarm = "Type: AWS::CloudWatch::Alarm\n    Condition: "
	watching, gradual := strings.Count(string(template), alarm+"HasAlarms\n")+strings.Count(string(template), alarm+"HasAlarmsAndWebhooks\n"), strings.Count(string(template), alarm+"IsGradual\n")
	p.line(`## Not in the bill

An alarm costs 0.10 dollars a month for each metric that it reads.
A gradual deployment has %d alarms, also without `+"`AlarmTopicArn`"+`: %s dollars; with it there are %d more.
A metric in log lines costs 0.30 dollars a month, by the hours in which it has values: failures, warnings and retries
of the stack, failures and warnings of each cause that occurs, and those of sweeps that find work.
A dashboard costs 3 dollars a month, after an account's first three.
[CloudWatch's prices](https://aws.amazon.com/cloudwatch/pricing/) have free tiers for all of these.
`, gradual, dollars(float64(gradual)*0.10), watching)
	return nil
}

func (p *page) own() {
	p.line("## Your own bill\n\n    make cost ARGS=\"-users 50000 -idp entra\"\n\n" +
		"prints the bill of a month for a number of users, with the table's storage.\n" +
		"`-webhooks N` and `-bus` add what events cost, each alone in its batch.\n" +
		"`-memory`, `-sample` and `-tracing` take other settings than the template's. Without requests a deployment costs\n" +
		"its storage, the logs it keeps, the sweep (less than a cent), and [its alarms](#not-in-the-bill).")
}
