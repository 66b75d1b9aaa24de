package replaytest

// tolerances returns the table: every form, and its result in every place of a
// request. docs/reference/dialect-places.md is generated from it.
func tolerances() []tolerance {
	var table []tolerance
	for _, of := range [][]tolerance{schemaRows(), nameRows(), valueRows(), emptyRows(), memberRows(), operationRows(), filterRows(), messageRows()} {
		table = append(table, of...)
	}
	return table
}

// Reasons in several rows for which a form cannot occur.
const (
	noList        = "a query has no `schemas`"
	noValue       = "a query has values in its filter only"
	noOperation   = "only a PATCH has operations"
	noName        = "the path already names the attribute"
	noPathInBody  = "a body has names, and no paths with operations"
	noMember      = "members are in groups' bodies"
	noBrackets    = "a list of names has no brackets"
	noFilterThere = "it has no filter"
)

func schemaRows() []tolerance { //nolint:funlen // a table
	// near returns a message with a misspelled URN in its list.
	near := func(list string, notices ...string) change {
		return change{schemas: list, sends: `"title":"x"`, then: `{"/title":"x","/schemas":{"contains":"` + coreUser + `"}}`, notices: notices}
	}
	message := func(list string, notices ...string) change {
		c := near(list, notices...)
		c.sends = `[{"op":"replace","path":"title","value":"x"}]`
		return c
	}
	group := func(c change) change {
		c.group, c.sends, c.then = true, `"externalId":"{{k}}"`, `{"/externalId":"{{k}}","/schemas":{"contains":"`+coreGroup+`"}}`
		return c
	}
	lists := func(list ...string) (in cells) {
		var bodies, messages, names []change
		for _, l := range list {
			bodies = append(bodies, near(l), group(near(l)))
			messages = append(messages, message(l))
			names = append(names, near(l))
		}
		return cells{inPOST: posted(bodies...), inPUT: replaced(bodies...), inPath: patched(messages...), inValue: patched(messages...), inNames: named(names...)}.
			neverIn(noList, inFilter, inSortBy, inAttributes, inExcluded)
	}
	search := func(schemas string) cell {
		return messages("/Users/.search", `{`+schemas+`"filter":"userName eq \"{{k}}@example.com\""}`, `{"/totalResults":1}`)
	}
	bulk := func(schemas string) cell {
		return messages("/Bulk", `{`+schemas+`"Operations":[]}`, `{"/Operations":[]}`)
	}
	with := func(c cells, search, bulk cell) cells {
		c.derive()
		c[inSearch], c[inBulk] = search, c[inBulk].and(bulk)
		return c
	}
	missing := []string{"schemas_missing"}
	return []tolerance{
		{
			sent: "`schemas` with unknown URNs only, for example `urn:scim:schemas:core:2.0` of a draft", notices: []string{"unknown_schema", "schemas_missing"},
			cells: with(lists(`["urn:scim:schemas:core:2.0"]`, `["urn:scim:schemas:core:1.0"]`, `["urn:ietf:params:scim:schemas:core:2.0:Usr","urn:scim:schemas:extension:enterprise:2.0"]`),
				search(`"schemas":["urn:scim:schemas:search:2.0"],`),
				bulk(`"schemas":["urn:scim:schemas:bulk:2.0"],`).noticed("unknown_schema", "schemas_missing", "no_operations")),
		},
		{
			sent: "no `schemas`, `[]`, or only those of extensions", notices: missing,
			cells: with(lists(noSchemas, `[]`, `null`), search(``).and(search(`"schemas":[],`)), bulk(``).noticed("schemas_missing", "no_operations")),
		},
		{
			sent: "`schemas` with its own URN and others", notices: []string{"unknown_schema"},
			cells: with(cells{
				inPOST: posted(near(`["` + coreUser + `","urn:ietf:params:scim:schemas:extension:hr:2.0:User"]`)),
				inPUT:  replaced(near(`["` + coreUser + `","urn:ietf:params:scim:schemas:extension:hr:2.0:User"]`)),
				inPath: patched(message(`["` + patchOp + `","urn:example:other"]`)), inValue: patched(message(`["` + patchOp + `","urn:example:other"]`)),
				inNames: named(near(`["` + patchOp + `","urn:example:other"]`)),
			}.neverIn(noList, inFilter, inSortBy, inAttributes, inExcluded),
				search(`"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest","urn:example:other"],`),
				bulk(`"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest","urn:example:other"],`).noticed("unknown_schema", "no_operations")),
		},
		{
			sent: "`schemas` with the URN of another resource or message",
			cells: with(cells{
				inPOST:  posted(near(`["` + coreGroup + `"]`)),
				inPUT:   replaced(near(`["` + coreGroup + `"]`)),
				inPath:  patched(message(`["` + coreUser + `"]`)),
				inValue: patched(message(`["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]`)),
				inNames: named(near(`["` + coreUser + `"]`)),
			}.neverIn(noList, inFilter, inSortBy, inAttributes, inExcluded).refused("invalidSyntax", "the request says that it is another kind of request"),
				search(`"schemas":["`+patchOp+`"],`).refused("invalidSyntax", "the request says that it is another kind of request"),
				bulk(`"schemas":["`+patchOp+`"],`).refused("invalidSyntax", "the request says that it is another kind of request")),
		},
		{
			sent: "an operation on `schemas`", notices: []string{"schemas_ignored"},
			cells: cells{
				inPath:  patched(change{sends: `[{"op":"remove","path":"schemas"}]`, then: "{}"}).refused("invalidValue", "`schemas` is required (RFC 7643 §3)"),
				inValue: patched(change{sends: `[{"op":"replace","path":"schemas","value":["urn:example:other"]}]`, then: `{"/schemas":{"contains":"` + coreUser + `"}}`}),
				inNames: named(change{sends: `"schemas":["` + enterprise + `"],"title":"x"`, then: `{"/schemas":{"contains":"` + coreUser + `"},"/title":"x"}`, notices: nothing}),
			}.neverIn(noPathInBody, inPOST, inPUT).neverIn(noOperation, inFilter, inSortBy, inAttributes, inExcluded),
		},
	}
}

// tenantSchemas are the schemas of the tenant: one has badge, and both have
// region.
var tenantSchemas = []string{
	`{"id":"urn:example:hr:1.0:Person","attributes":[{"name":"badge"},{"name":"region"}]}`,
	`{"id":"urn:example:sales:1.0:Person","attributes":[{"name":"region"}]}`,
}

const e = "/" + enterprise // the pointer of the enterprise extension

func nameRows() []tolerance { //nolint:funlen // a table
	manager := `"` + enterprise + `":{"manager":{"value":"m-{{k}}"},"department":"Ops"}`
	department := func(value string) string { return `"` + enterprise + `":{"department":"` + value + `"}` }
	op := func(op, path, value string) string {
		o := `{"op":"` + op + `","path":"` + path + `"`
		if value != "" {
			o += `,"value":` + value
		}
		return "[" + o + "}]"
	}
	dot := enterprise + ".department"
	badge := func(value string) string { return `"urn:example:hr:1.0:Person":{"badge":"` + value + `"}` }
	return []tolerance{
		{
			sent: "an attribute of an extension without its URN: `department`, `manager.value`", notices: []string{"unqualified_attribute"},
			cells: bodies(
				change{sends: `"department":"Ops","manager":{"value":"m"}`, then: `{"` + e + `/department":"Ops","` + e + `/manager/value":"m","/department":{"present":false}}`},
				change{sends: `"employeeNumber":"7"`, then: `{"` + e + `/employeeNumber":"7"}`},
			).with(cells{
				inPath: patched(
					change{has: manager, sends: op("remove", "manager", ""), then: `{"` + e + `/manager":{"present":false},"` + e + `/department":"Ops"}`},
					change{has: manager, sends: op("remove", "manager.value", ""), then: `{"` + e + `/manager":{"present":false}}`},
				),
				inValue: patched(
					change{sends: op("add", "manager", `{"value":"m"}`), then: `{"` + e + `/manager/value":"m"}`},
					change{sends: op("replace", "department", `"Ops"`), then: `{"` + e + `/department":"Ops"}`},
				),
				inFilter: filtered(
					query{one: manager, other: department("Ops"), by: `manager eq "m-{{k}}"`},
					query{one: manager, other: department("Ops"), by: `manager.value eq "m-{{k}}"`},
					query{one: department("{{k}}"), other: department("Other"), by: `department eq "{{k}}"`},
				),
				inSortBy:     sorted(query{one: department("A"), other: department("B"), by: "department"}),
				inAttributes: attributes(query{one: department("A") + `,"title":"x"`, by: "department", shows: []string{e + "/department"}, hides: []string{"/title"}}),
				inExcluded:   excluded(query{one: manager + `,"title":"x"`, by: "department", shows: []string{"/title", e + "/manager"}, hides: []string{e + "/department"}}),
			}),
		},
		{
			sent: "an attribute of a tenant's own schema without its URN", notices: []string{"unqualified_attribute"},
			cells: bodies(change{sends: `"badge":"7"`, then: `{"/urn:example:hr:1.0:Person/badge":"7"}`}).with(cells{
				inPath:       patched(change{has: badge("7"), sends: op("remove", "badge", ""), then: `{"/urn:example:hr:1.0:Person":{"present":false}}`}),
				inValue:      patched(change{sends: op("add", "badge", `"7"`), then: `{"/urn:example:hr:1.0:Person/badge":"7"}`}),
				inFilter:     filtered(query{one: badge("{{k}}"), other: badge("8"), by: `badge eq "{{k}}"`}),
				inSortBy:     sorted(query{one: badge("1"), other: badge("2"), by: "badge"}),
				inAttributes: attributes(query{one: badge("1") + `,"title":"x"`, by: "badge", shows: []string{"/urn:example:hr:1.0:Person/badge"}, hides: []string{"/title"}}),
				inExcluded:   excluded(query{one: badge("1") + `,"title":"x"`, by: "badge", shows: []string{"/title"}, hides: []string{"/urn:example:hr:1.0:Person"}}),
			}),
		},
		{
			sent: "an attribute that two schemas have, without its URN", notices: []string{"ambiguous_attribute"},
			cells: bodies(change{sends: `"region":"7","title":"x"`, then: `{"/title":"x","/urn:example:hr:1.0:Person":{"present":false}}`}).with(cells{
				inPath:       patched(change{sends: op("remove", "region", ""), then: "{}"}).refused("invalidPath", "it is ambiguous; the detail names the candidates"),
				inValue:      patched(change{sends: op("add", "region", `"7"`), then: "{}"}).refused("invalidPath", "it is ambiguous; the detail names the candidates"),
				inFilter:     filtered(query{by: `region eq "{{k}}"`}).refused("invalidFilter", "it is ambiguous; the detail names the candidates"),
				inSortBy:     sorted(query{by: "region"}).refused("invalidValue", "it is ambiguous; the detail names the candidates"),
				inAttributes: attributes(query{one: `"title":"x"`, by: "region,title", shows: []string{"/title"}}),
				inExcluded:   excluded(query{one: `"title":"x"`, by: "region", shows: []string{"/title"}}),
			}),
		},
		{
			sent: "`isTeamAccount` without its URN", notices: []string{"top_level_attribute"},
			cells: bodies(change{sends: `"isTeamAccount":false`, then: `{"/{{extUrn}}/isTeamAccount":false}`}).with(cells{
				inPath:       never("it always has a value and cannot be removed"),
				inValue:      patched(change{sends: op("replace", "isTeamAccount", "false"), then: `{"/{{extUrn}}/isTeamAccount":false}`}),
				inFilter:     filtered(query{one: `"{{extUrn}}":{"isTeamAccount":false}`, other: `"{{extUrn}}":{"isTeamAccount":true}`, by: `isTeamAccount eq false and userName sw "{{k}}-"`}),
				inSortBy:     sorted(query{one: `"{{extUrn}}":{"isTeamAccount":false}`, other: `"{{extUrn}}":{"isTeamAccount":true}`, by: "isTeamAccount"}),
				inAttributes: attributes(query{one: `"title":"x"`, by: "isTeamAccount", shows: []string{"/{{extUrn}}/isTeamAccount"}, hides: []string{"/title"}}),
				inExcluded:   excluded(query{one: `"title":"x"`, by: "isTeamAccount", hides: []string{"/{{extUrn}}/isTeamAccount"}, shows: []string{"/title"}}),
			}),
		},
		{
			sent: "a dot between URN and attribute: `urn:…:User.department`", notices: []string{"dotted_urn"},
			cells: bodies(
				change{sends: `"` + dot + `":"Ops"`, then: `{"` + e + `/department":"Ops"}`},
				change{sends: `"` + coreUser + `.title":"x"`, then: `{"/title":"x"}`},
			).with(cells{
				inNames: named(
					change{sends: `"` + dot + `":"Ops"`, then: `{"` + e + `/department":"Ops"}`},
					change{sends: `"` + coreUser + `.title":"x"`, then: `{"/title":"x"}`},
				).noticed("dotted_urn", "path_in_value"),
				inPath: patched(change{has: department("Ops"), sends: op("remove", dot, ""), then: `{"` + e + `":{"present":false}}`}),
				inValue: patched(
					change{sends: op("replace", dot, `"Ops"`), then: `{"` + e + `/department":"Ops"}`},
					change{sends: op("add", coreUser+".title", `"x"`), then: `{"/title":"x"}`},
				),
				inFilter:     filtered(query{one: department("{{k}}"), other: department("Other"), by: dot + ` eq "{{k}}"`}),
				inSortBy:     sorted(query{one: department("A"), other: department("B"), by: dot}),
				inAttributes: attributes(query{one: department("A") + `,"title":"x"`, by: dot, shows: []string{e + "/department"}, hides: []string{"/title"}}),
				inExcluded:   excluded(query{one: manager, by: dot, shows: []string{e + "/manager"}, hides: []string{e + "/department"}}),
			}),
		},
		{
			sent: "attributes of the core schema in an object under its URN", notices: []string{"core_object"},
			cells: bodies(change{sends: `"` + coreUser + `":{"title":"x"}`, then: `{"/title":"x"}`}).with(cells{
				inPath:  never("a path that is the URN alone needs a value"),
				inValue: patched(change{sends: op("replace", coreUser, `{"title":"x"}`), then: `{"/title":"x"}`, notices: nothing}),
			}).neverIn("a query has no objects", inFilter, inSortBy, inAttributes, inExcluded),
		},
		{
			sent: "a path or a whole name as a name: `name.givenName`, `emails[type eq \"work\"].value`, `urn:…:User:department`", notices: []string{"path_in_value"},
			cells: cells{
				inPOST: posted(
					change{sends: `"name.givenName":"Ann"`, then: `{"/name/givenName":"Ann"}`},
					change{sends: `"` + enterprise + `:department":"Ops"`, then: `{"` + e + `/department":"Ops"}`},
				).noticed(),
				inPUT: replaced(
					change{sends: `"name.givenName":"Ann"`, then: `{"/name/givenName":"Ann"}`},
					change{sends: `"` + enterprise + `:department":"Ops"`, then: `{"` + e + `/department":"Ops"}`},
				).noticed(),
				inNames: named(
					change{sends: `"name.givenName":"Ann"`, then: `{"/name/givenName":"Ann"}`},
					change{sends: `"` + enterprise + `:department":"Ops"`, then: `{"` + e + `/department":"Ops"}`},
					change{sends: `"emails[type eq \"work\"].value":"{{k}}@w.example"`, then: `{"/emails":[{"type":"work","value":"{{k}}@w.example"}]}`, notices: []string{"path_in_value", "made_value"}},
				),
				inPath: never(noName), inValue: never("the value there is already a path"),
			}.neverIn("the value there is already a path", inFilter, inSortBy, inAttributes, inExcluded),
		},
		{
			sent: "names in any letter case: `USERNAME`, `Department`", notices: nothing,
			cells: bodies(change{sends: `"TITLE":"x","` + enterprise + `":{"DEPARTMENT":"Ops"},"Name":{"GIVENNAME":"Ann"}`, then: `{"/title":"x","` + e + `/department":"Ops","/name/givenName":"Ann"}`}).with(cells{
				inPath:       patched(change{has: department("Ops") + `,"title":"x"`, sends: `[{"op":"remove","path":"TITLE"},{"op":"remove","path":"` + enterprise + `:DEPARTMENT"}]`, then: `{"/title":{"present":false},"` + e + `":{"present":false}}`}),
				inValue:      patched(change{sends: `[{"op":"replace","path":"NAME","value":{"GIVENNAME":"Ann"}}]`, then: `{"/name/givenName":"Ann"}`}),
				inFilter:     filtered(query{one: `"title":"{{k}}"`, by: `TITLE EQ "{{k}}"`}),
				inSortBy:     sorted(query{one: `"title":"A"`, other: `"title":"B"`, by: "Title"}),
				inAttributes: attributes(query{one: `"title":"x","nickName":"y"`, by: "TITLE", shows: []string{"/title"}, hides: []string{"/nickName"}}),
				inExcluded:   excluded(query{one: `"title":"x","nickName":"y"`, by: "TITLE", shows: []string{"/nickName"}, hides: []string{"/title"}}),
			}),
		},
		{
			sent: "an attribute after the URN of an unknown schema", notices: []string{"unknown_attribute"},
			cells: bodies(
				change{sends: `"urn:example:hr:2.0:User":{"costCode":"7"},"title":"x"`, then: `{"/title":"x","/urn:example:hr:2.0:User":{"present":false}}`},
				change{sends: `"urn:example:hr:2.0:User:costCode":"7","active":false`, then: `{"/active":false}`},
			).with(cells{
				inPath: patched(
					change{sends: `[{"op":"replace","path":"active","value":false},{"op":"remove","path":"urn:example:hr:2.0:User:costCode"}]`, then: `{"/active":false}`, notices: []string{"unknown_path"}},
				),
				inValue: patched(
					change{sends: `[{"op":"replace","path":"active","value":false},{"op":"add","path":"urn:example:hr:2.0:User:costCode","value":"7"}]`, then: `{"/active":false}`, notices: []string{"unknown_path"}},
					change{sends: `[{"op":"replace","path":"active","value":false},{"op":"add","path":"urn:example:hr:2.0:User:phones[type eq \"x\"].value","value":"7"}]`, then: `{"/active":false}`, notices: []string{"unknown_path"}},
				),
				inFilter:     filtered(query{by: `urn:example:hr:2.0:User:costCode eq "7"`}).refused("invalidFilter", "a search by an unknown attribute would match no user, and the user would seem not to exist"),
				inSortBy:     sorted(query{by: `urn:example:hr:2.0:User:costCode`}).refused("invalidValue", "an unknown attribute has no order"),
				inAttributes: attributes(query{one: `"title":"x"`, by: "title,urn:example:hr:2.0:User:costCode", shows: []string{"/title"}, notices: nothing}),
				inExcluded:   excluded(query{one: `"title":"x"`, by: "urn:example:hr:2.0:User:costCode", shows: []string{"/title"}, notices: nothing}),
			}),
		},
		{
			sent: "an unknown attribute without a URN", notices: []string{"unknown_attribute"},
			cells: bodies(
				change{sends: `"costCode":"7","title":"x"`, then: `{"/title":"x","/costCode":{"present":false}}`},
				change{sends: `"name":{"givenName":"Ann","nick":"A"}`, then: `{"/name":{"equals":{"givenName":"Ann"}}}`},
				change{sends: `"` + enterprise + `":{"department":"Ops","costCode":"7"}`, then: `{"` + e + `":{"equals":{"department":"Ops"}}}`},
			).with(cells{
				inPath: patched(
					change{sends: op("remove", "costCode", ""), then: "{}"},
					change{sends: op("remove", "__proto__", ""), then: "{}"},
					change{sends: op("remove", enterprise+":costCode", ""), then: "{}"},
				).refused("invalidPath", "it may be a misspelled attribute"),
				inValue: patched(
					change{sends: `[{"op":"replace","path":"name","value":{"givenName":"Ann","nick":"A"}}]`, then: `{"/name":{"equals":{"givenName":"Ann"}}}`},
					change{sends: `[{"op":"replace","path":"` + enterprise + `","value":{"department":"Ops","costCode":"7"}}]`, then: `{"` + e + `":{"equals":{"department":"Ops"}}}`},
				),
				inFilter:     filtered(query{by: `costCode eq "7"`}).refused("invalidFilter", "a search by an unknown attribute would match no user, and the user would seem not to exist"),
				inSortBy:     sorted(query{by: `costCode`}).refused("invalidValue", "an unknown attribute has no order"),
				inAttributes: attributes(query{one: `"title":"x"`, by: "title,costCode", shows: []string{"/title"}, notices: nothing}),
				inExcluded:   excluded(query{one: `"title":"x"`, by: "costCode", shows: []string{"/title"}, notices: nothing}),
			}),
		},
		{
			sent: "brackets after an attribute with one value: `manager[value eq \"m\"]`, `name[familyName eq \"Lee\"].givenName`", notices: []string{"filter_form"},
			cells: cells{
				inPath: patched(
					change{has: manager, sends: op("remove", enterprise+`:manager[value eq \"m-{{k}}\"]`, ""), then: `{"` + e + `":{"equals":{"department":"Ops"}}}`},
					change{has: manager, sends: op("remove", enterprise+`:manager[value eq \"other\"]`, ""), then: `{"` + e + `/manager/value":"m-{{k}}"}`},
					change{has: manager, sends: op("remove", `manager[value eq \"m-{{k}}\"]`, ""), then: `{"` + e + `":{"equals":{"department":"Ops"}}}`, notices: []string{"filter_form", "unqualified_attribute"}},
					change{has: `"name":{"familyName":"Lee","givenName":"Ann"}`, sends: op("remove", `name[familyName eq \"Lee\"].givenName`, ""), then: `{"/name":{"equals":{"familyName":"Lee"}}}`},
				).and(patched(change{has: `"title":"x"`, sends: op("remove", `title[value eq \"x\"]`, ""), then: "{}"}).
					refused("invalidPath", "the attribute has no sub-attributes to compare")),
				inValue: patched(
					change{has: `"name":{"familyName":"Lee"}`, sends: op("replace", `name[familyName eq \"Lee\"].givenName`, `"Ann"`), then: `{"/name/givenName":"Ann"}`},
				),
				inNames: named(change{has: `"name":{"familyName":"Lee"}`, sends: `"name[familyName eq \"Lee\"].givenName":"Ann"`, then: `{"/name/givenName":"Ann"}`, notices: []string{"filter_form", "path_in_value"}}),
				inFilter: filtered(
					query{one: manager, by: enterprise + `:manager[value eq "m-{{k}}"]`},
					query{one: `"name":{"familyName":"{{k}}"}`, by: `name[familyName eq "{{k}}"]`},
				),
			}.neverIn(noPathInBody, inPOST, inPUT).neverIn(noBrackets, inSortBy, inAttributes, inExcluded),
		},
	}
}

// refused returns the cells with an error for every tenant in each that is
// tried.
func (c cells) refused(scimType, reason string) cells {
	for p := range c {
		c[p] = c[p].refused(scimType, reason)
	}
	return c
}

// strictly returns the cells with an error for a strict tenant in each that is
// tried.
func strictly(scimType string, c cells) cells {
	for p := range c {
		for i := range c[p].tries {
			c[p].tries[i].strict = scimType
		}
	}
	return c
}

// A one is a value in the members of a body and as the value of an operation.
type one struct{ members, path, value, then string }

// sentAlike returns the cells of values that are the same in a body and in an
// operation.
func sentAlike(ones ...one) cells {
	var in, at []change
	for _, o := range ones {
		in = append(in, change{sends: o.members, then: o.then})
		at = append(at, change{sends: `[{"op":"replace","path":"` + o.path + `","value":` + o.value + `}]`, then: o.then})
	}
	return bodies(in...).with(cells{inValue: patched(at...)})
}

// also returns the cells with further values that every tenant refuses.
func (c cells) also(scimType, reason string, ones ...one) cells {
	for p, cell := range sentAlike(ones...).refused(scimType, reason) {
		c[p] = c[p].and(cell)
	}
	return c
}

func valueRows() []tolerance { //nolint:funlen // a table
	values := func(c cells) cells { return c.neverIn(noValue, inSortBy, inAttributes, inExcluded) }
	op := func(path, value string) string {
		return `[{"op":"replace","path":"` + path + `","value":` + value + `}]`
	}
	row := sentAlike
	return []tolerance{
		{
			sent: "a boolean as a text: `\"True\"`, `\"false\"`", notices: []string{"string_boolean"},
			cells: values(row(
				one{`"active":"False"`, "active", `"False"`, `{"/active":false}`},
				one{`"{{extUrn}}":{"isTeamAccount":"false"}`, "{{extUrn}}:isTeamAccount", `"FALSE"`, `{"/{{extUrn}}/isTeamAccount":false}`},
				one{`"emails":[{"value":"{{k}}@w.example","primary":"True"}]`, "emails", `[{"value":"{{k}}@w.example","primary":"True"}]`, `{"/emails/0/primary":true}`},
			).with(cells{
				inPath: patched(
					change{has: `"emails":[{"value":"{{k}}@w.example","primary":true},{"value":"{{k}}@h.example"}]`, sends: `[{"op":"remove","path":"emails[primary eq \"True\"]"}]`, then: `{"/emails/*/value":["{{k}}@h.example"]}`, notices: []string{"filter_boolean"}},
				),
				inFilter: filtered(query{by: `active eq "True" and userName sw "{{k}}-"`}).refused("invalidFilter", "compared as a text it would match no user, and the user would seem not to exist"),
			})),
		},
		{
			sent: "one value in an array for an attribute with one value, also as an object with `value`: `[\"x\"]`, `[{\"$ref\":null,\"value\":\"False\"}]`", notices: []string{"wrapped_value"},
			cells: values(row(
				one{`"title":["x"]`, "title", `["x"]`, `{"/title":"x"}`},
				one{`"title":[{"$ref":null,"value":"x"}]`, "title", `[{"$ref":null,"value":"x"}]`, `{"/title":"x"}`},
				one{`"active":[false]`, "active", `[false]`, `{"/active":false}`},
				one{`"name":[{"givenName":"Ann"}]`, "name", `[{"givenName":"Ann"}]`, `{"/name":{"equals":{"givenName":"Ann"}}}`},
				one{`"name":{"givenName":["Ann"]}`, "name.givenName", `["Ann"]`, `{"/name":{"equals":{"givenName":"Ann"}}}`},
				one{`"` + enterprise + `":{"department":["Ops"]}`, enterprise + ":department", `["Ops"]`, `{"` + e + `/department":"Ops"}`},
				one{`"` + enterprise + `":{"manager":[{"value":"m"}]}`, enterprise + ":manager", `[{"value":"m"}]`, `{"` + e + `/manager/value":"m"}`},
				one{`"` + enterprise + `":[{"department":"Ops"}]`, enterprise, `[{"department":"Ops"}]`, `{"` + e + `/department":"Ops"}`},
				one{`"emails":[{"value":["{{k}}@w.example"],"type":["work"]}]`, "emails", `[{"value":["{{k}}@w.example"],"type":["work"]}]`, `{"/emails":[{"value":"{{k}}@w.example","type":"work"}]}`},
			).also("invalidValue", "one value is expected: several, an object, or an array in an array have no clear meaning",
				one{`"title":["x","y"]`, "title", `["x","y"]`, "{}"},
				one{`"title":{"value":"x"}`, "title", `{"value":"x"}`, "{}"},
				one{`"title":[["x"]]`, "title", `[["x"]]`, "{}"},
			)).with(cells{
				inPath:   never("a path has values only in its brackets, and these have no arrays"),
				inFilter: never("the grammar of filters has no arrays"),
			}),
		},
		{
			sent: "a text for a complex value: `\"manager\":\"m-1\"`, `\"roles\":\"admin\"`, `\"emails\":[\"a@x\"]`", notices: []string{"bare_value"},
			cells: values(bodies(
				change{sends: `"` + enterprise + `":{"manager":"m"}`, then: `{"` + e + `/manager/value":"m"}`},
				change{sends: `"roles":["admin"]`, then: `{"/roles":[{"value":"admin"}]}`},
				change{sends: `"roles":"admin"`, then: `{"/roles":[{"value":"admin"}]}`},
				change{sends: `"emails":["{{k}}@w.example"]`, then: `{"/emails/*/value":["{{k}}@w.example"]}`},
				change{sends: `"phoneNumbers":["+49 1","+49 2"]`, then: `{"/phoneNumbers/*/value":["+49 1","+49 2"]}`},
				change{group: true, sends: `"members":["{{a}}","{{b}}"]`, then: `{"/members/*/value":{"anyOrder":["{{a}}","{{b}}"]}}`},
			).with(cells{
				inValue: patched(
					change{sends: op(enterprise+":manager", `"m"`), then: `{"` + e + `/manager/value":"m"}`},
					change{sends: op("roles", `["admin"]`), then: `{"/roles":[{"value":"admin"}]}`},
					change{sends: op("roles", `"admin"`), then: `{"/roles":[{"value":"admin"}]}`},
					change{group: true, sends: `[{"op":"add","path":"members","value":["{{a}}"]}]`, then: `{"/members/*/value":["{{a}}"]}`},
					change{group: true, has: `"members":[{"value":"{{a}}"},{"value":"{{b}}"}]`, sends: `[{"op":"remove","path":"members","value":["{{a}}"]}]`, then: `{"/members/*/value":["{{b}}"]}`, notices: []string{"bare_value", "removed_values"}},
				),
				inPath:   never("a comparison in brackets names the sub-attribute"),
				inFilter: filtered(query{one: `"` + enterprise + `":{"manager":{"value":"m-{{k}}"}}`, by: enterprise + `:manager eq "m-{{k}}"`, notices: nothing}, query{one: `"emails":[{"value":"{{k}}@w.example"}]`, by: `emails eq "{{k}}@w.example"`, notices: nothing}),
			}).also("invalidValue", "the attribute has no `value` that the text could be",
				one{`"name":"Ann Lee"`, "name", `"Ann Lee"`, "{}"},
				one{`"addresses":["Main Street 1"]`, "addresses", `["Main Street 1"]`, "{}"},
			)),
		},
		{
			sent: "JSON in a text for a complex value, or for the whole value of an operation", notices: []string{"stringified_value"},
			cells: values(bodies(
				change{sends: `"name":"{\"givenName\":\"Ann\"}"`, then: `{"/name":{"equals":{"givenName":"Ann"}}}`},
				change{sends: `"emails":"[{\"value\":\"{{k}}@w.example\",\"type\":\"work\"}]"`, then: `{"/emails":[{"value":"{{k}}@w.example","type":"work"}]}`},
				change{sends: `"roles":[{"value":"{\"id\":\"7\",\"value\":\"Admin\",\"displayName\":\"Admin\"}"}]`, then: `{"/roles":[{"value":"Admin","display":"Admin"}]}`},
				change{sends: `"` + enterprise + `":"{\"department\":\"Ops\"}"`, then: `{"` + e + `/department":"Ops"}`},
				change{group: true, sends: `"members":"[{\"value\":\"{{a}}\"}]"`, then: `{"/members/*/value":["{{a}}"]}`},
			).with(cells{
				inValue: patched(
					change{sends: op("name", `"{\"givenName\":\"Ann\"}"`), then: `{"/name":{"equals":{"givenName":"Ann"}}}`},
					change{sends: op("emails", `"[{\"value\":\"{{k}}@w.example\"}]"`), then: `{"/emails/*/value":["{{k}}@w.example"]}`},
					change{sends: op(enterprise, `"{\"department\":\"Ops\"}"`), then: `{"` + e + `/department":"Ops"}`},
					change{group: true, sends: op("members", `"[{\"value\":\"{{a}}\"}]"`), then: `{"/members/*/value":["{{a}}"]}`},
				),
				inPath: never("a path has no complex values"), inFilter: never("a filter has no complex values"),
			})).with(cells{
				inNames: all([]change{
					{sends: `[{"op":"replace","value":"{\"title\":\"x\",\"active\":false}"}]`, then: `{"/title":"x","/active":false}`},
					{sends: `[{"op":"add","value":"{\"name\":{\"givenName\":\"Ann\"}}"}]`, then: `{"/name/givenName":"Ann"}`},
				}, func(c change) try { return c.patch(c.sends) }).and(named(
					change{sends: `"name":"{\"givenName\":\"Ann\"}"`, then: `{"/name":{"equals":{"givenName":"Ann"}}}`},
					change{sends: `"` + enterprise + `":"{\"department\":\"Ops\"}"`, then: `{"` + e + `/department":"Ops"}`},
				)),
			}),
		},
		{
			sent: "one object for an array", notices: []string{"single_value"},
			cells: values(row(
				one{`"emails":{"value":"{{k}}@w.example"}`, "emails", `{"value":"{{k}}@w.example"}`, `{"/emails/*/value":["{{k}}@w.example"]}`},
			).with(cells{
				inPath: never("a path has values only in its brackets"), inFilter: never("the grammar of filters has no arrays"),
			})).with(cells{
				inSearch: messages("/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName eq \"{{k}}@example.com\"","attributes":"title"}`, `{"/totalResults":1}`),
			}),
		},
		{
			sent: "a value that repeats its attribute's name: `\"members\":{\"members\":[…]}`", notices: []string{"nested_value"},
			cells: values(row(
				one{`"emails":{"emails":[{"value":"{{k}}@w.example"}]}`, "emails", `{"emails":[{"value":"{{k}}@w.example"}]}`, `{"/emails/*/value":["{{k}}@w.example"]}`},
			).with(cells{inPath: never("a path has values only in its brackets"), inFilter: never("a filter has no objects")})),
		},
		{
			sent: "two primary values", notices: []string{"second_primary"},
			cells: values(row(
				one{
					`"emails":[{"value":"{{k}}@w.example","primary":true},{"value":"{{k}}@h.example","primary":true}]`, "emails",
					`[{"value":"{{k}}@w.example","primary":true},{"value":"{{k}}@h.example","primary":true}]`, `{"/emails/0/primary":true,"/emails/1/primary":{"not":true}}`,
				},
			).with(cells{inPath: never("a path has no values"), inFilter: never("a filter compares one value")})),
		},
		{
			sent: "a reference that is not a URI", notices: []string{"not_a_uri"},
			cells: values(row(
				one{`"profileUrl":"https://x.example/a b"`, "profileUrl", `"https://x.example/a b"`, `{"/profileUrl":"https://x.example/a b"}`},
			).with(cells{
				inPath:   never("a path has values only in its brackets, where they are compared as texts"),
				inFilter: filtered(query{one: `"profileUrl":"https://x.example/{{k}}b"`, by: `profileUrl eq "https://x.example/{{k}}b"`, notices: nothing}),
			})),
		},
	}
}

func emptyRows() []tolerance {
	var rows []tolerance
	for _, empty := range []string{"{}", "[]", `""`, "null"} {
		op := func(path string) string { return `[{"op":"replace","path":"` + path + `","value":` + empty + `}]` }
		has := `"title":"x","name":{"givenName":"Ann"},"emails":[{"value":"{{k}}@w.example"}],"` + enterprise + `":{"manager":{"value":"m"},"department":"Ops"}`
		sends := []string{
			`"title":` + empty, `"name":` + empty, `"emails":` + empty, `"` + enterprise + `":` + empty,
			`"` + enterprise + `":{"manager":` + empty + `,"department":` + empty + `}`,
		}
		gone := []string{
			`{"/title":{"present":false}}`, `{"/name":{"present":false}}`, `{"/emails":{"present":false}}`, `{"` + e + `":{"present":false}}`,
			`{"` + e + `":{"present":false}}`,
		}
		var in, at []change
		for i := range sends {
			in = append(in, change{has: has, sends: sends[i], then: gone[i], notices: nothing})
		}
		for i, path := range []string{"title", "name", "emails", enterprise} {
			at = append(at, change{has: has, sends: op(path), then: gone[i], notices: nothing})
		}
		at = append(at, change{has: has, sends: op(enterprise + ":manager"), then: `{"` + e + `":{"equals":{"department":"Ops"}}}`, notices: nothing},
			change{has: has, sends: op("name.givenName"), then: `{"/name":{"present":false}}`, notices: nothing},
			change{group: true, has: `"members":[{"value":"{{a}}"}]`, sends: op("members"), then: `{"/members":{"empty":true}}`, notices: nothing})
		in = append(in, change{group: true, has: `"members":[{"value":"{{a}}"}]`, sends: `"members":` + empty, then: `{"/members":{"empty":true}}`, notices: nothing})
		rows = append(rows, tolerance{
			sent: "`" + empty + "` for no value", notices: nothing,
			cells: bodies(in...).with(cells{inValue: patched(at...), inPath: never("a path has values only in its brackets")}).
				neverIn(noValue, inSortBy, inAttributes, inExcluded).with(cells{
				inFilter: never("a comparison needs a value; `pr` tests whether there is one"),
				inSearch: messages("/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName eq \"{{k}}@example.com\"","count":`+empty+`,"sortBy":`+empty+`,"attributes":`+empty+`}`, `{"/totalResults":1,"/itemsPerPage":1,"/Resources/0/userName":"{{k}}@example.com"}`),
			}),
		})
	}
	hollow := func(sends string, then string) change {
		return change{has: `"emails":[{"value":"{{k}}@w.example"}]`, sends: sends, then: then, notices: nothing}
	}
	kept := `{"/emails":[{"value":"{{k}}@h.example"}]}`
	return append(rows, tolerance{
		sent: "an element whose `value` is `\"\"` and that has nothing else of its own", notices: nothing,
		cells: bodies(
			hollow(`"emails":[{"value":"","type":"work","primary":true}]`, `{"/emails":{"present":false}}`),
			hollow(`"emails":[{"value":"","type":"work"},{"value":"{{k}}@h.example"}]`, kept),
		).with(cells{
			inValue: patched(hollow(`[{"op":"replace","path":"emails","value":[{"value":"","type":"work"},{"value":"{{k}}@h.example"}]}]`, kept)),
			inPath:  never("a path has no elements"),
		}).neverIn(noValue, inSortBy, inAttributes, inExcluded).with(cells{inFilter: never("a filter has no elements")}),
	})
}

func memberRows() []tolerance {
	only := func(c cells) cells {
		return c.neverIn("members cannot be sorted", inSortBy).neverIn("a list of names has no members", inAttributes, inExcluded)
	}
	forms := func(element, then string, notices ...string) cells {
		in := change{group: true, sends: `"members":[` + element + `]`, then: then, notices: notices}
		add, replace := in, in
		add.sends = `[{"op":"add","path":"members","value":[` + element + `]}]`
		replace.sends = `[{"op":"replace","path":"members","value":[` + element + `]}]`
		return bodies(in).with(cells{inValue: patched(add, replace)})
	}
	a := `{"/members/*/value":["{{a}}"]}`
	return []tolerance{
		{
			sent: "a user as a member of another `type`: `\"value\"`, `\"Group\"`", notices: []string{"member_type"},
			cells: only(forms(`{"value":"{{a}}","type":"value"},{"value":"{{a}}","type":"Group"}`, a).with(cells{
				inPath:   never("a member in brackets is found by its value; a filter on the type alone compares the served type"),
				inFilter: never("a filter compares the served type"),
			})),
		},
		{
			sent: "a group as a member, beside a user", notices: nothing,
			cells: only(strictly("invalidValue", forms(`{"value":"{{a}}"},{"value":"{{other}}"}`, a)).with(cells{
				inPath:   patched(change{group: true, has: `"members":[{"value":"{{a}}"}]`, sends: `[{"op":"remove","path":"members[value eq \"{{other}}\"]"}]`, then: a}),
				inFilter: filtered(query{group: true, by: `members eq "none"`}).found(),
			})),
		},
		{
			sent: "a member by `$ref` alone", notices: []string{"value_from_reference"},
			cells: only(forms(`{"$ref":"https://scim.test/scim/v2/Users/{{a}}"}`, a).with(cells{
				inPath:   patched(change{group: true, has: `"members":[{"value":"{{a}}"},{"value":"{{b}}"}]`, sends: `[{"op":"remove","path":"members[$ref eq \"https://scim.test/scim/v2/Users/{{b}}\"]"}]`, then: a, notices: nothing}),
				inFilter: filtered(query{group: true, by: `members.$ref eq "none"`}).found(),
			})),
		},
	}
}

// found returns the cell with searches that find nothing.
func (c cell) found() cell {
	for i := range c.tries {
		c.tries[i].accepted = []step{{"body": map[string]any{"/totalResults": 0}}}
		c.tries[i].notices = nothing
	}
	return c
}

func operationRows() []tolerance { //nolint:funlen // a table
	patches := func(c cells) cells {
		return c.neverIn(noOperation, inPOST, inPUT, inFilter, inSortBy, inAttributes, inExcluded)
	}
	emails := `"emails":[{"value":"{{k}}@w.example","type":"work"},{"value":"{{k}}@h.example","type":"home"}]`
	return []tolerance{
		{
			sent: "`op` in any case", notices: []string{"operation_case"},
			cells: patches(cells{
				inPath:  patched(change{has: `"title":"x"`, sends: `[{"op":"REMOVE","path":"title"}]`, then: `{"/title":{"present":false}}`}),
				inValue: patched(change{sends: `[{"op":"Add","path":"title","value":"x"}]`, then: `{"/title":"x"}`}),
				inNames: patched(change{sends: `[{"op":"Replace","value":{"title":"x"}}]`, then: `{"/title":"x"}`}),
			}),
		},
		{
			sent: "a PATCH without operations", notices: []string{"no_operations"},
			cells: patches(cells{inPath: never("the request has no operations"), inNames: never("the request has no operations"), inValue: patched(change{sends: `[]`, then: `{"/meta/version":"W/\"1\""}`})}),
		},
		{
			sent: "`remove` of `active` or `isTeamAccount`", notices: []string{"value_kept"},
			cells: patches(cells{
				inPath:  patched(change{sends: `[{"op":"remove","path":"active"}]`, then: `{"/active":true}`}, change{sends: `[{"op":"remove","path":"{{extUrn}}:isTeamAccount"}]`, then: `{"/{{extUrn}}/isTeamAccount":true}`}),
				inValue: patched(change{sends: `[{"op":"replace","path":"active","value":null}]`, then: `{"/active":true}`}, change{sends: `[{"op":"replace","path":"active","value":{}}]`, then: `{"/active":true}`}),
				inNames: named(change{sends: `"active":null`, then: `{"/active":true}`}, change{sends: `"active":""`, then: `{"/active":true}`}),
			}),
		},
		{
			sent: "`remove` with a path and a value", notices: []string{"removed_values"},
			cells: patches(cells{
				inPath: never("a path has no value"), inNames: never("a remove needs a path"),
				inValue: patched(change{has: emails, sends: `[{"op":"remove","path":"emails","value":[{"value":"{{k}}@w.example"}]}]`, then: `{"/emails/*/value":["{{k}}@h.example"]}`}),
			}),
		},
		{
			sent: "a value path with `type eq` or `primary eq` that matches nothing", notices: []string{"made_value"},
			cells: patches(cells{
				inPath: never("a remove creates nothing"),
				inValue: patched(
					change{sends: `[{"op":"replace","path":"emails[type eq \"work\"].value","value":"{{k}}@w.example"}]`, then: `{"/emails":[{"type":"work","value":"{{k}}@w.example"}]}`},
					change{sends: `[{"op":"add","path":"emails[primary eq true].value","value":"{{k}}@w.example"}]`, then: `{"/emails":[{"primary":true,"value":"{{k}}@w.example"}]}`},
				),
				inNames: named(change{sends: `"emails[type eq \"work\"].value":"{{k}}@w.example"`, then: `{"/emails":[{"type":"work","value":"{{k}}@w.example"}]}`, notices: []string{"made_value", "path_in_value"}}),
			}),
		},
		{
			sent: "`replace` through a value path with `value eq`, or another filter, that matches nothing",
			cells: patches(cells{
				inPath: never("`remove` of an absent value succeeds"),
				inValue: patched(
					change{sends: `[{"op":"replace","path":"entitlements[value eq \"admin\"].display","value":"Admin"}]`, then: "{}"},
					change{sends: `[{"op":"replace","path":"roles[display eq \"Admin\"].value","value":"admin"}]`, then: "{}"},
				).refused("noTarget", "a replace must not grant a right"),
				inNames: named(change{sends: `"entitlements[value eq \"admin\"].display":"Admin"`, then: "{}"}).refused("noTarget", "a replace must not grant a right"),
			}),
		},
	}
}

func filterRows() []tolerance {
	emails := `"emails":[{"value":"{{k}}@w.example","type":"work"},{"value":"{{k}}@h.example","type":"home"}]`
	left := `{"/emails/*/value":["{{k}}@h.example"]}`
	filters := func(c cells) cells {
		return c.neverIn(noFilterThere, inPOST, inPUT, inSortBy, inAttributes, inExcluded)
	}
	remove := func(path string) string { return `[{"op":"remove","path":"` + path + `"}]` }
	return []tolerance{
		{
			sent: "a comparison after brackets, `emails[type eq \"work\"].value eq \"x\"`; a whole extension with `pr`", notices: []string{"filter_form"},
			cells: filters(cells{
				inFilter: filtered(
					query{one: emails, by: `emails[type eq "work"].value eq "{{k}}@w.example"`},
					query{one: `"` + enterprise + `":{"department":"Ops"}`, by: enterprise + ` pr and userName sw "{{k}}-"`},
				),
				inPath: patched(change{has: emails, sends: remove(`emails[type eq \"work\"].value eq \"x\"`), then: "{}"}).refused("invalidPath", "a path ends with the sub-attribute"),
			}.neverIn("a filter there is part of a path: see the PATCH columns", inValue, inNames)),
		},
		{
			sent: "no space beside a parenthesis, a bracket or a quote", notices: []string{"filter_spaces"},
			cells: filters(cells{
				inFilter: filtered(query{one: `"title":"{{k}}"`, by: `(title eq"{{k}}")and(active eq true)`}),
				inPath:   patched(change{has: emails, sends: remove(`emails[type eq\"work\"]`), then: left}),
				inValue:  patched(change{has: emails, sends: `[{"op":"replace","path":"emails[type eq\"work\"].display","value":"W"}]`, then: `{"/emails/0/display":"W"}`}),
				inNames:  named(change{has: emails, sends: `"emails[type eq\"work\"].display":"W"`, then: `{"/emails/0/display":"W"}`, notices: []string{"filter_spaces", "path_in_value"}}),
			}),
		},
		{
			sent: "a boolean compared with a text: `primary eq \"True\"`", notices: []string{"filter_boolean"},
			cells: filters(cells{
				inFilter: filtered(query{by: `emails[primary eq "True"]`}).refused("invalidFilter", "compared as a text it would match no user, and the user would seem not to exist"),
				inPath:   patched(change{has: `"roles":[{"value":"a","primary":true},{"value":"b"}]`, sends: remove(`roles[primary eq \"True\"]`), then: `{"/roles/*/value":["b"]}`}),
				inValue:  patched(change{has: `"roles":[{"value":"a","primary":true}]`, sends: `[{"op":"replace","path":"roles[primary eq \"True\"].value","value":"b"}]`, then: `{"/roles/*/value":["b"]}`}),
				inNames:  named(change{has: `"roles":[{"value":"a","primary":true}]`, sends: `"roles[primary eq \"True\"].value":"b"`, then: `{"/roles/*/value":["b"]}`, notices: []string{"filter_boolean", "path_in_value"}}),
			}),
		},
		{
			sent: "an invalid filter",
			cells: filters(cells{
				inFilter: filtered(query{by: `title eq`}).refused("invalidFilter", "its meaning is unclear"),
				inPath:   patched(change{has: emails, sends: remove(`emails[type eq]`), then: "{}"}).refused("invalidFilter", "its meaning is unclear"),
				inValue:  patched(change{has: emails, sends: `[{"op":"replace","path":"emails[type = \"work\"].value","value":"x"}]`, then: "{}"}).refused("invalidFilter", "its meaning is unclear"),
				inNames:  named(change{has: emails, sends: `"emails[type = \"work\"].value":"x"`, then: "{}"}).refused("invalidFilter", "its meaning is unclear"),
			}),
		},
	}
}

func messageRows() []tolerance {
	return []tolerance{{
		sent: "digits in a text for `count` and `startIndex`", notices: []string{"string_number"},
		cells: cells{
			inSearch: messages("/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName eq \"{{k}}@example.com\"","count":"1","startIndex":"1"}`, `{"/totalResults":1,"/itemsPerPage":1}`).
				and(messages("/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName eq \"{{k}}@example.com\"","count":"9223372036854775807"}`, `{"/totalResults":1}`)),
			inBulk: messages("/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":"1","Operations":[]}`, "{}").refused("invalidValue", "`failOnErrors` limits the operations that are applied, and must be exact"),
		}.neverIn("only a search has `count` and `startIndex`", inPOST, inPUT, inPath, inValue, inNames).
			neverIn("a query's numbers are texts", inFilter, inSortBy, inAttributes, inExcluded),
	}}
}

// messages returns a cell with one message, and a user with the name of the
// try.
func messages(path, body, then string) cell {
	c := change{then: then}
	return cell{tries: []try{{setup: c.before(), method: "POST", path: path, body: body, accepted: []step{{"body": c.matchers("")}}}}}
}

// noticed returns the cell with exactly these notices.
func (c cell) noticed(kinds ...string) cell {
	for i := range c.tries {
		c.tries[i].notices = append([]string{}, kinds...)
	}
	return c
}
