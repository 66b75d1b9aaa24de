// Package console is the administrator's web page: which users fail, why, what to
// do, and whether it is mended. It is made on the server, without a script, from
// what the admin API answers; package adminclient asks it.
//
// The pages are for whoever started the program, on the machine where it runs. A
// page is shown to who holds a session, which a link that is good once begins; what
// identity providers and applications sent into a name or a text is shown as text,
// with everything in it visible.
//
// It reads no table and keeps nothing but its sessions, in memory.
package console
