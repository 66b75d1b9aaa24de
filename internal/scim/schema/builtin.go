package schema

import "github.com/rollcall-scim/rollcall/internal/scim"

// UserType returns the User resource type with the enterprise extension and
// those given. RFC 7643 §4.1, §4.3
func UserType(extensions ...*Schema) *ResourceType {
	rt := &ResourceType{
		Name:        "User",
		Endpoint:    "/Users",
		Description: "User Account",
		Schema:      userSchema(),
		Extensions:  []Extension{{Schema: enterpriseSchema()}},
	}
	for _, s := range extensions {
		rt.Extensions = append(rt.Extensions, Extension{Schema: s})
	}
	return rt
}

// GroupType returns the Group resource type. RFC 7643 §4.2
func GroupType() *ResourceType {
	return &ResourceType{
		Name:        "Group",
		Endpoint:    "/Groups",
		Description: "Group",
		Schema:      groupSchema(),
	}
}

// CommonAttributes returns the attributes that every resource has and no schema
// lists: schemas, id, externalId and meta. RFC 7643 §3.1
func CommonAttributes() []*Attribute {
	return []*Attribute{
		references("schemas", "The URNs of the schemas of which the resource has values.",
			always, required, caseExact, multiValued, referenceTypes("uri")),
		text("id", "A unique identifier for the resource, given by the service provider.",
			readOnly, always, caseExact, uniqueServer),
		text("externalId", "An identifier for the resource as given by the provisioning client.",
			caseExact, uniqueServer),
		complexValue("meta", "Metadata of the resource.", readOnly, caseExact, subs(
			text("resourceType", "The name of the resource type.", readOnly, caseExact),
			dateTime("created", "When the resource was created.", readOnly),
			dateTime("lastModified", "When the resource was last changed.", readOnly),
			references("location", "The URI of the resource.", readOnly, caseExact, referenceTypes("uri")),
			text("version", "The version of the resource, as in its entity tag.", readOnly, caseExact),
		)),
	}
}

func userSchema() *Schema { //nolint:funlen // a table
	return &Schema{
		ID:          scim.CoreUserURN,
		Name:        "User",
		Description: "User Account",
		Attributes: []*Attribute{
			text("userName", "The name with which the user signs in. It is unique without regard to case.",
				required, uniqueServer),
			complexValue("name", "The components of the user's name.", subs(
				text("formatted", "The full name, with titles and suffixes, as it is displayed."),
				text("familyName", "The family name, or last name in most Western languages."),
				text("givenName", "The given name, or first name in most Western languages."),
				text("middleName", "The middle name or names."),
				text("honorificPrefix", "The title, for example Ms."),
				text("honorificSuffix", "The suffix, for example III."),
			)),
			text("displayName", "The name of the user, as it is shown to people."),
			text("nickName", "The casual way to address the user."),
			references("profileUrl", "The URL of the user's online profile.", referenceTypes("external")),
			text("title", "The user's title, for example Vice President."),
			text("userType", "The relation between the organization and the user, for example Employee."),
			text("preferredLanguage", "The user's preferred languages, as in the Accept-Language header."),
			text("locale", "The locale by which currency, dates and numbers are formatted."),
			text("timezone", "The user's time zone, by its IANA name."),
			boolean("active", "Whether the user may use the service.", defaulted),
			text("password", "Checked to be a string, and not stored.",
				caseExact, writeOnly, never),
			plural("emails", "Email addresses of the user.",
				text("value", "The email address."),
				canonical("work", "home", "other")),
			plural("phoneNumbers", "Phone numbers of the user.",
				text("value", "The phone number."),
				canonical("work", "home", "mobile", "fax", "pager", "other")),
			plural("ims", "Instant messaging addresses of the user.",
				text("value", "The instant messaging address."),
				canonical("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo")),
			plural("photos", "URLs of photos of the user.",
				references("value", "The URL of a photo.", caseExact, referenceTypes("external")),
				canonical("photo", "thumbnail")),
			complexValue("addresses", "Postal addresses of the user.", multiValued, subs(
				text("formatted", "The full address, formatted for display or a label."),
				text("streetAddress", "The full street address."),
				text("locality", "The city or locality."),
				text("region", "The state or region."),
				text("postalCode", "The postal code."),
				text("country", "The country."),
				text("type", "The function of the address.", canonical("work", "home", "other")),
				boolean("primary", "Whether this is the preferred address. At most one is."),
			)),
			complexValue("groups", "The groups of which the user is a member. They change through the groups.",
				multiValued, readOnly, subs(
					text("value", "The id of the group.", readOnly, caseExact),
					references("$ref", "The URI of the group.", readOnly, caseExact, referenceTypes("Group")),
					text("display", "The group's displayName.", readOnly),
					text("type", "The kind of membership: always direct.", readOnly, canonical("direct")),
				)),
			plural("entitlements", "Entitlements of the user. They are stored and grant nothing.",
				text("value", "The entitlement."), nil),
			plural("roles", "Roles of the user. They are stored and grant nothing.",
				text("value", "The role."), nil),
			plural("x509Certificates", "Certificates issued to the user.",
				&Attribute{
					Name: "value", Type: TypeBinary, CaseExact: true,
					Description: "A DER-encoded X.509 certificate, in base64.",
					Mutability:  ReadWrite, Returned: ReturnedDefault, Uniqueness: UniqueNone,
				}, nil),
		},
	}
}

func groupSchema() *Schema {
	return &Schema{
		ID:          scim.CoreGroupURN,
		Name:        "Group",
		Description: "Group",
		Attributes: []*Attribute{
			text("displayName", "The name of the group. It is unique without regard to case.",
				required, uniqueServer),
			complexValue("members", "The users in the group.", multiValued, subs(
				text("value", "The id of the user.", immutable, caseExact),
				references("$ref", "The URI of the user.", immutable, caseExact, referenceTypes("User")),
				text("type", "The type of the member: always User.", immutable, canonical("User")),
				text("display", "The name of the member, as it is shown to people.", readOnly),
			)),
		},
	}
}

func enterpriseSchema() *Schema {
	return &Schema{
		ID:          scim.EnterpriseURN,
		Name:        "EnterpriseUser",
		Description: "Enterprise User",
		Attributes: []*Attribute{
			text("employeeNumber", "The number or code by which the organization identifies the person."),
			text("costCenter", "The name of a cost center."),
			text("organization", "The name of an organization."),
			text("division", "The name of a division."),
			text("department", "The name of a department."),
			complexValue("manager", "The user's manager.", subs(
				text("value", "The id of the manager, stored as it was sent.", caseExact),
				references("$ref", "The URI of the manager.", caseExact, referenceTypes("User")),
				text("displayName", "The name of the manager.", readOnly),
			)),
		},
	}
}

// characteristic changes an attribute from the defaults. RFC 7643 §2.2
type characteristic func(*Attribute)

func attribute(name string, t Type, description string, cs []characteristic) *Attribute {
	a := &Attribute{
		Name:        name,
		Type:        t,
		Description: description,
		Mutability:  ReadWrite,
		Returned:    ReturnedDefault,
		Uniqueness:  UniqueNone,
	}
	for _, c := range cs {
		if c != nil {
			c(a)
		}
	}
	return a
}

func text(name, description string, cs ...characteristic) *Attribute {
	return attribute(name, TypeString, description, cs)
}

func boolean(name, description string, c ...characteristic) *Attribute {
	return attribute(name, TypeBoolean, description, c)
}

func dateTime(name, description string, cs ...characteristic) *Attribute {
	return attribute(name, TypeDateTime, description, cs)
}

func references(name, description string, cs ...characteristic) *Attribute {
	return attribute(name, TypeReference, description, cs)
}

func complexValue(name, description string, cs ...characteristic) *Attribute {
	return attribute(name, TypeComplex, description, cs)
}

// plural returns a multi-valued attribute with the default sub-attributes. RFC
// 7643 §2.4
func plural(name, description string, value *Attribute, types characteristic) *Attribute {
	return complexValue(name, description, multiValued, subs(
		value,
		text("display", "The value, as it is shown to people."),
		text("type", "The function of the value.", types),
		boolean("primary", "Whether this is the preferred value. At most one is."),
	))
}

func required(a *Attribute)     { a.Required = true }
func defaulted(a *Attribute)    { a.Defaulted = true }
func multiValued(a *Attribute)  { a.MultiValued = true }
func caseExact(a *Attribute)    { a.CaseExact = true }
func readOnly(a *Attribute)     { a.Mutability = ReadOnly }
func writeOnly(a *Attribute)    { a.Mutability = WriteOnly }
func immutable(a *Attribute)    { a.Mutability = Immutable }
func always(a *Attribute)       { a.Returned = ReturnedAlways }
func never(a *Attribute)        { a.Returned = ReturnedNever }
func uniqueServer(a *Attribute) { a.Uniqueness = UniqueServer }

func canonical(values ...string) characteristic {
	return func(a *Attribute) { a.CanonicalValues = values }
}

func referenceTypes(types ...string) characteristic {
	return func(a *Attribute) { a.ReferenceTypes = types }
}

func subs(attributes ...*Attribute) characteristic {
	return func(a *Attribute) { a.SubAttributes = attributes }
}
