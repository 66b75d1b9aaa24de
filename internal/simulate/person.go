package simulate

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A person is a user of the simulated identity provider.
type person struct {
	userName, given, family, externalID, password string
}

var (
	givenNames  = [...]string{"Ada", "Ben", "Chen", "Dina", "Emil", "Fatou", "Grace", "Hugo", "Ines", "Jonas", "Keiko", "Liam", "Mona", "Nils", "Olga", "Pavel"}
	familyNames = [...]string{"Abel", "Berg", "Costa", "Diallo", "Evans", "Fischer", "Garcia", "Hansen", "Ito", "Jensen", "Kaya", "Lopez", "Moreau", "Novak", "Okafor", "Patel"}
	groupNames  = [...]string{"Engineering", "Sales", "Support", "Finance", "Design", "Research", "Legal", "People"}
)

// people returns the users of a seed. The first n users are the same for every n.
func people(seed uint64, n int) []person {
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // made-up names
	all := make([]person, n)
	for i := range all {
		p := person{given: givenNames[r.IntN(len(givenNames))], family: familyNames[r.IntN(len(familyNames))]}
		p.userName = fmt.Sprintf("%s.%s.%d-%d@example.com", strings.ToLower(p.given), strings.ToLower(p.family), seed, i+1)
		p.externalID = fmt.Sprintf("%08x%08x", r.Uint32(), r.Uint32())
		p.password = fmt.Sprintf("Pw-%016x", r.Uint64())
		all[i] = p
	}
	return all
}

// groupName returns the name of the group i of a seed.
func groupName(seed uint64, i int) string {
	return fmt.Sprintf("%s %d-%d", groupNames[i%len(groupNames)], seed, i+1)
}
