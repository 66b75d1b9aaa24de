package cost

// A traffic is a model of the requests of an identity provider: cases, each a
// sequence of requests, with how often it happens.
type traffic struct {
	name  string
	cases []occasion
}

// An occasion is a reason for requests.
type occasion struct {
	why string
	// times is how often it happens in a month, for 1,000 users.
	times    float64
	requests []string
}

// share is the part of an operation in all requests.
type share struct {
	operation string
	part      float64
}

// requests returns the requests of a month, for 1,000 users.
func (m traffic) requests() float64 {
	sum := 0.0
	for _, o := range m.cases {
		sum += o.times * float64(len(o.requests))
	}
	return sum
}

// shares returns the part of each operation, in the order of operations.
func (m traffic) shares() []share {
	all, times := m.requests(), map[string]float64{}
	for _, o := range m.cases {
		for _, operation := range o.requests {
			times[operation] += o.times
		}
	}
	var list []share
	for _, o := range operations() {
		if n := times[o.name]; n > 0 {
			list = append(list, share{o.name, n / all})
		}
	}
	return list
}

// The models. The sequences are those of docs/reference/entra-requests.md and
// okta-requests.md, which are recorded; how often they happen is assumed.
var (
	entra = traffic{"Entra", []occasion{
		{"a cycle finds a user as it should be", 30_000, []string{findUser}},
		{"a cycle sends a user what it has", 6_000, []string{findUser, changeNothing}},
		{"a user is assigned", 30, []string{findNobody, findNobody, createUser}},
		{"a profile changes", 200, []string{findUser, changeUser}},
		{"a user is unassigned", 30, []string{findUser, deactivateUser}},
		{"a user is deleted", 30, []string{findUser, deleteUser}},
		{"a user comes back", 5, []string{findNobody, restoreUser}},
		{"a member joins a group", 500, []string{findGroup, readGroup, joinGroup}},
		{"a member leaves a group", 500, []string{findGroup, readGroup, leaveGroup}},
		{"a member joins who is one", 100, []string{findGroup, readGroup, joinAgain}},
		{"a user is in conflict, and is sent in every cycle", 150, []string{findNobody, createAgain}},
		{"the same, on an instance that has just started", 150, []string{findNobody, createAnew}},
		{"no seat is free, and the user is sent in every cycle", 300, []string{findNobody, createFullMore}},
		{"a cycle begins with an invalid token", 5, []string{unauthorized}},
	}}
	okta = traffic{"Okta", []occasion{
		{"an import, once a day", 30, []string{listUsers, listUsers, listUsers, listUsers, listUsers, listUsers, listUsers, listUsers, listUsers, listUsers}},
		{"a user is assigned", 30, []string{findNobody, createUser}},
		{"a profile changes", 400, []string{readUser, replaceUser}},
		{"all assignments are sent again, once a month", 1_000, []string{readUser, replaceSame}},
		{"a user is unassigned", 30, []string{readUser, deactivateUser}},
		{"a user is assigned again", 10, []string{findUser, activateUser}},
		{"a user is created again", 5, []string{findUser, reactivateUser}},
		{"a member is pushed to a group", 500, []string{joinGroup}},
		{"a member is removed from a group", 500, []string{leaveGroup}},
		{"a group is pushed whose members are there", 100, []string{readGroup, joinAgain}},
		{"a group is pushed first", 2, []string{findGroup, createGroup}},
		{"a user is in conflict", 10, []string{findNobody, createActive}},
		{"no seat is free", 10, []string{findNobody, createFull, createFullMore, createFullMore}},
	}}
	// mixed is the traffic of the estimate that this page replaces: four in five
	// requests look up, the rest changes.
	mixed = traffic{"Mixed", []occasion{
		{"lookups", 65, []string{findUser}},
		{"lookups", 5, []string{findNobody}},
		{"lookups", 10, []string{readUser}},
		{"changes", 5, []string{changeUser}},
		{"changes", 3, []string{replaceUser}},
		{"changes", 4, []string{createUser}},
		{"changes", 2, []string{deactivateUser}},
		{"changes", 1, []string{deleteUser}},
		{"changes", 1, []string{joinGroup}},
		{"without a change", 2, []string{changeNothing}},
		{"refused", 0.5, []string{createAgain}},
		{"refused", 0.5, []string{createAnew}},
		{"refused", 1, []string{createFullMore}},
	}}
	models = []traffic{mixed, entra, okta}
)
