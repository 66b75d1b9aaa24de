package scim

// standardURNs are the URNs of the standard's schemas and messages, each with what a
// request is that lists it, and of the extensions that this service has.
var standardURNs = map[string]string{
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

// checkSchemas checks what a request says it is against what its endpoint takes: own,
// with the extensions that extension knows. Only a URN of another resource type or
// message of ours is refused. A list that is absent, or has nothing but URNs that mean
// nothing here, is passed over: the endpoint says what the request is. OneLogin lists
// URNs of a draft: events/other/create_user_draft_schemas. Entra lists extensions of
// which it sends no values, and leaves out those of which it does. RFC 7643 §3
func (n *notices) checkSchemas(v any, own string, extension func(urn string) bool) error {
	urns, err := n.schemaList(v)
	if err != nil {
		return err
	}
	said, other := false, ""
	for _, urn := range urns {
		means := standardURN(urn)
		switch {
		case equalName(urn, own):
			said = true
		case extension(urn):
		case means != "" && !optionalURN(own, urn):
			return wrongSchema(own, urn)
		default:
			if means != "" && means != standardURN(own) && other == "" {
				other = urn
			}
			n.instead(NoticeUnknownSchema, urn, "and list "+own)
		}
	}
	switch {
	case said:
	case other != "":
		return wrongSchema(own, other)
	default:
		n.instead(NoticeSchemasMissing, "schemas", own)
	}
	return nil
}

// optionalURN reports whether a URN of ours may stand beside own although it does not
// belong there: an extension beside a resource, and any beside PatchOp, which alone
// says what the body is.
func optionalURN(own, urn string) bool {
	return own == PatchURN || equalName(urn, EnterpriseURN) || equalName(urn, RollcallURN)
}

// standardURN is what a request is that lists a URN, "" for a URN that is not ours.
func standardURN(urn string) string { return standardURNs[canonicalURN(urn)] }

// canonicalURN is a URN of ours in the standard's letter case, "" for any other.
func canonicalURN(urn string) string {
	for known := range standardURNs {
		if equalName(known, urn) {
			return known
		}
	}
	return ""
}

// noExtension is for messages, which have none.
func noExtension(string) bool { return false }

func wrongSchema(want, got string) error {
	means := ""
	if known := standardURN(got); known != "" {
		means = "stands for " + known + " and "
	}
	return &Error{InvalidSyntax, "schemas lists " + noticeName(got) + ", which " + means + "does not belong here: send " + want + "."}
}

// schemaList reads a value of schemas. Absent, null and empty are one, and one text is
// a list of one.
func (n *notices) schemaList(v any) ([]string, error) {
	switch one := v.(type) {
	case nil:
		return nil, nil
	case string:
		if one == "" {
			return nil, nil
		}
		n.add(NoticeSingleValue, "schemas")
		return []string{one}, nil
	case map[string]any:
		if len(one) == 0 {
			return nil, nil
		}
	}
	list, ok := v.([]any)
	if !ok {
		return nil, &Error{InvalidSyntax, "schemas must be an array of strings, not " + kindOf(v) + "."}
	}
	urns := make([]string, 0, len(list))
	for _, v := range list {
		urn, ok := v.(string)
		switch {
		case v == nil || ok && urn == "":
		case !ok:
			return nil, &Error{InvalidSyntax, "schemas must be an array of strings; it holds " + kindOf(v) + "."}
		default:
			urns = append(urns, urn)
		}
	}
	return urns, nil
}
