package auth_test

import (
	"context"
	"os"

	"github.com/onairgo/onair/auth"
)

func ExampleHandler_WriteRules() {
	h := auth.NewHandler(app, currentStudent)
	h.Guard("staff", currentStudent)
	h.Private("orders.{order}", func(context.Context, *Student, *auth.Subscription) (bool, error) { return true, nil })
	h.Presence("chat.{room}", func(context.Context, *Student, *auth.Subscription) (*auth.Member, error) { return nil, nil }, auth.Guards("staff", auth.DefaultGuard))
	if err := h.WriteRules(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// private   orders.{order}  default         example_list_test.go:13
	// presence  chat.{room}     staff, default  example_list_test.go:14
	// 2 channel rules
}
