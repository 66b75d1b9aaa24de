package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStartsAgain_WhenTwoContainersGotOnePort(t *testing.T) {
	clash := errors.New(`sam local start-api ended: before it was ready
  Lambda functions containers initialization failed because of 500 Server Error: Internal Server Error ("driver failed programming external connectivity on endpoint modest: Bind for 127.0.0.1:5917 failed: port is already allocated")`)
	for _, c := range []struct {
		name string
		try  int
		err  error
		want bool
	}{
		{"two containers at one port", 1, clash, true},
		{"again and again", startTries, clash, false},
		{"another failure", 1, errors.New("the functions answer 500"), false},
		{"started", 1, nil, false},
	} {
		assert.Equalf(t, c.want, startsAgain(c.try, c.err), "%s", c.name)
	}
}
