package setting

import (
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// OfError returns the fault that an error about a request's content shows, and whether
// it shows one.
func OfError(e *scim.Error, resourceType string) (Finding, bool) {
	f, ok := faultOf(e, resourceType)
	return Of(f, e.Attribute), ok
}

func faultOf(e *scim.Error, resourceType string) (Fault, bool) {
	if f, ok := byRule[e.Rule]; ok {
		return ofList(f, e.Attribute), true
	}
	switch e.Rule {
	case scim.RuleBoolean:
		if e.Attribute == "active" {
			return ActiveNotBoolean, true
		}
		return NotBoolean, true
	case scim.RuleRequired:
		switch {
		case e.Attribute == "userName":
			return MissingUserName, true
		case e.Attribute == "displayName" && resourceType == "Group":
			return MissingGroupName, true
		}
		return MissingValue, true
	case scim.RuleKnown:
		if e.Type == scim.InvalidFilter {
			if resourceType == "Group" {
				return WrongGroupLookup, true
			}
			return WrongLookup, resourceType == "User"
		}
		return unknownAttribute(e.Attribute), true
	}
	return ofNotice(string(e.Rule), e.Attribute)
}

// byRule are the faults that breaking a rule shows.
var byRule = map[scim.Rule]Fault{
	scim.RuleList: TextForList, scim.RuleObject: TextForParts, scim.RuleText: OtherThanText, scim.RuleNumber: NotNumber, scim.RuleDateTime: NotDate,
	scim.RuleBinary: NotBinary, scim.RuleSingle: SeveralForOne, scim.RuleAddress: SeveralAddresses, scim.RuleLength: TooLong, scim.RuleVisible: HiddenCharacters,
	scim.RuleReadOnly: ReadOnlyTarget, scim.RuleImmutable: SetOnce, scim.RuleMatch: NoValueAtTarget,
	scim.RuleSchemas: WrongSchemas, scim.RuleJSON: BadJSON, scim.RulePath: BadPath, scim.RuleOnce: SentTwice,
}

// ofList returns the fault of a text that is mapped to a list: of phone numbers, two types
// are usual.
func ofList(f Fault, attribute string) Fault {
	if f == TextForList && attribute == "phoneNumbers" {
		return TextForPhones
	}
	return f
}

// OfTolerances returns the faults that the names of notices show, as log entries keep
// them: kind and attribute.
func OfTolerances(names []string) []Finding {
	var findings []Finding
	for _, name := range names {
		kind, attribute, _ := strings.Cut(name, ":")
		if f, ok := ofNotice(kind, attribute); ok {
			findings = Add(findings, Of(f, attribute))
		}
	}
	return findings
}

// ofNotice returns the fault that a notice shows, and whether it shows one: most
// dialects are the identity provider's own, and no setting changes them.
func ofNotice(kind, attribute string) (Fault, bool) {
	switch kind {
	case scim.NoticeUnknownAttribute, scim.NoticeUnknownPath:
		return unknownAttribute(attribute), true
	case scim.NoticeTopLevel, scim.NoticeUnqualified, scim.NoticeAmbiguous:
		return MissingURN, true
	case scim.NoticeDottedURN:
		return DottedURN, true
	case scim.NoticeSecondPrimary:
		return SeveralPrimary, true
	case scim.NoticeKept:
		return AlwaysSet, true
	case scim.NoticeNotURI:
		return NotURL, true
	case scim.NoticeStringifiedValue:
		return RolesAsText, attribute == "roles"
	case scim.NoticeBareValue:
		if attribute == "roles" {
			return RolesAsText, true
		}
		_, list := usualValue[attribute]
		return ofList(TextForList, attribute), list
	}
	return "", false
}

// unknownAttribute returns the fault that an unknown name shows.
func unknownAttribute(name string) Fault {
	lower := scim.LowerName(name)
	if strings.HasPrefix(lower, "roles.") {
		return RoleParts
	}
	for _, example := range []string{":customextensionname:", ":extension:custom:", "urn:example:", ":yourcompany:", ":your_company:", ":company:2.0:", ":appname:"} {
		if strings.Contains(lower, example) {
			return PlaceholderURN
		}
	}
	if Meant(name) {
		return WrongTarget
	}
	return NoSuchTarget
}
