// Package supply compares what the project takes from others with what it says
// about it: the licences of the modules that its binaries link (NOTICE and
// THIRD_PARTY_LICENSES.txt, which Notice and Licenses write), the pins and
// hashes of the tools that scripts install, and how the search for known
// vulnerabilities ends.
package supply
