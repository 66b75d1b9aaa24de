package scim

import (
	"iter"
	"maps"
)

// standard are the URNs of the standard's schemas and messages, and of this
// service's extensions, each with what a request that lists it is.
var standard = map[string]string{
	CoreUserURN:     "a User",
	CoreGroupURN:    "a Group",
	EnterpriseURN:   "a User",
	RollcallURN:     "a User",
	SchemaURN:       "a Schema",
	ResourceTypeURN: "a ResourceType",
	ServiceURN:      "a ServiceProviderConfig",
	ErrorURN:        "an error",
	ListURN:         "a ListResponse",
	PatchURN:        "a PATCH",
	SearchURN:       "a SearchRequest",
	BulkRequestURN:  "a BulkRequest",
	BulkResponseURN: "a BulkResponse",
}

// StandardURNs returns the URNs of the standard's schemas and messages, and of
// this service's extensions, each with what a request that lists it is.
func StandardURNs() iter.Seq2[string, string] { return maps.All(standard) }

// CheckSchemas checks the schemas of a request against what its endpoint
// accepts: want, and the URNs for which extension is true. Only a URN of another
// resource type or message of ours is refused. A list that is absent, or has
// only unknown URNs, is ignored: the endpoint decides what the request is.
// OneLogin lists URNs of a draft: events/other/create_user_draft_schemas. Entra
// lists extensions without sending values of them, and omits those of which it
// sends some. RFC 7643 §3
func (n *Notices) CheckSchemas(v any, want string, extension func(urn string) bool) error {
	urns, err := n.ReadSchemas(v)
	if err != nil {
		return err
	}
	said, other := false, ""
	for _, urn := range urns {
		means := standardURN(urn)
		switch {
		case EqualName(urn, want):
			said = true
		case extension(urn):
		case means != "" && !optionalURN(want, urn):
			return WrongSchema(want, urn)
		default:
			if means != "" && means != standardURN(want) && other == "" {
				other = urn
			}
			n.AddInstead(NoticeUnknownSchema, urn, "and list "+want)
		}
	}
	switch {
	case said:
	case other != "":
		return WrongSchema(want, other)
	default:
		n.AddInstead(NoticeSchemasMissing, "schemas", want)
	}
	return nil
}

// optionalURN reports whether a known URN may be listed beside want although it
// does not belong there: an extension beside a resource, and any beside
// PatchOp, which alone decides what the body is.
func optionalURN(want, urn string) bool {
	return want == PatchURN || EqualName(urn, EnterpriseURN) || EqualName(urn, RollcallURN)
}

// standardURN returns what a request that lists a URN is, "" for an unknown
// URN.
func standardURN(urn string) string { return standard[canonicalURN(urn)] }

// canonicalURN returns a known URN in the standard's letter case, "" for any
// other.
func canonicalURN(urn string) string {
	for known := range standard {
		if EqualName(known, urn) {
			return known
		}
	}
	return ""
}

// NoExtension reports false for every URN: messages have no extensions.
func NoExtension(string) bool { return false }

// WrongSchema refuses a URN that schemas lists in place of another.
func WrongSchema(want, got string) error {
	means := ""
	if known := standardURN(got); known != "" {
		means = "stands for " + known + " and "
	}
	e := &Error{Type: InvalidSyntax, Attribute: "schemas", Detail: "schemas lists " + NoticeName(got) + ", which " + means + "does not belong here: send " + want + "."}
	if want == CoreUserURN || want == CoreGroupURN {
		e.Rule = RuleSchemas
	}
	return e
}

// ReadSchemas reads a value of schemas. Absent, null and empty are the same, and
// a single string is a list of one.
func (n *Notices) ReadSchemas(v any) ([]string, error) {
	switch one := v.(type) {
	case nil:
		return nil, nil
	case string:
		if one == "" {
			return nil, nil
		}
		n.Add(NoticeSingleValue, "schemas")
		return []string{one}, nil
	case map[string]any:
		if len(one) == 0 {
			return nil, nil
		}
	}
	list, ok := v.([]any)
	if !ok {
		return nil, &Error{Type: InvalidSyntax, Detail: "schemas must be an array of strings, not " + KindOf(v) + "."}
	}
	urns := make([]string, 0, len(list))
	for _, v := range list {
		urn, ok := v.(string)
		switch {
		case v == nil || ok && urn == "":
		case !ok:
			return nil, &Error{Type: InvalidSyntax, Detail: "schemas must be an array of strings; it contains " + KindOf(v) + "."}
		default:
			urns = append(urns, urn)
		}
	}
	return urns, nil
}
