package channel_test

import (
	"errors"
	"fmt"

	"github.com/onairgo/onair/channel"
)

func Example() {
	fmt.Println(channel.Public("news"))
	fmt.Println(channel.Private("orders.7"))
	fmt.Println(channel.Presence("chat.3"))
	fmt.Println(channel.Encrypted("diary.9"))
	fmt.Println(channel.Private("score.1").Cached())
	fmt.Println(channel.User("42")) // wherever the user has signed in
	// Output:
	// news
	// private-orders.7
	// presence-chat.3
	// private-encrypted-diary.9
	// private-cache-score.1
	// #server-to-user-42
}

func ExampleParse() {
	ch, err := channel.Parse("private-encrypted-diary.9")
	fmt.Println(ch.Kind(), ch.Name(), err)
	_, err = channel.Parse("private-diary 9")
	fmt.Println(err)
	// Output:
	// encrypted diary.9 <nil>
	// channel: name "private-diary 9" has the character ' ' at byte 13; letters, digits and _ - = @ , . ; are allowed
}

func ExampleChannel_Validate() {
	err := channel.Private("private-orders.7").Validate()
	if e, ok := errors.AsType[*channel.NameError](err); ok {
		fmt.Println(e.Reason == channel.ReasonDoublePrefix)
	}
	fmt.Println(channel.Private("mentor.").Validate())
	// Output:
	// true
	// channel: name "private-mentor." has an empty segment at byte 15; is an id missing?
}

func ExampleParsePattern() {
	p, err := channel.ParsePattern("teams.{team}.users.{user}")
	if err != nil {
		panic(err)
	}
	params, ok := p.Match("teams.acme.users.9")
	fmt.Println(p.Names(), params, ok)
	_, ok = p.Match("teams.acme.east.users.9") // a parameter has no dot in it
	fmt.Println(ok)
	// Output:
	// [team user] [acme 9] true
	// false
}
