package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/internal/websocket"
	"github.com/onairgo/onair/internal/websocket/wstest"
)

// echo serves one connection until it ends: it echoes texts and answers pings.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, input, err := websocket.Upgrade(w, r)
	if err != nil {
		return // the client has its answer
	}
	defer conn.Close()

	parser := websocket.Parser{Limit: 1024}
	for buf := make([]byte, 512); ; {
		var answer []byte
		closing := false
		for m, err := range parser.Feed(input) {
			if refusal, ok := errors.AsType[*websocket.CloseError](err); ok {
				answer, closing = websocket.AppendClose(answer, refusal.Code, refusal.Reason), true
				break
			}
			switch m.Opcode {
			case websocket.OpText:
				answer = websocket.AppendText(answer, m.Payload)
			case websocket.OpPing:
				answer = websocket.AppendPong(answer, m.Payload)
			case websocket.OpClose:
				answer, closing = websocket.AppendClose(answer, m.Code, ""), true
			}
		}
		if _, err := conn.Write(answer); err != nil || closing {
			return
		}
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		input = buf[:n]
	}
}

func Example() {
	listener := memnet.Listen()
	server := &http.Server{Handler: http.HandlerFunc(echo)}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()

	conn, err := listener.Dial(context.Background())
	if err != nil {
		panic(err)
	}
	client, err := wstest.Dial(conn, wstest.NewRequest("/"))
	if err != nil {
		panic(err)
	}
	err = client.Write(wstest.Text("hello"), wstest.Ping("are you there"), wstest.Frame{Opcode: 3})
	for err == nil {
		var f wstest.Frame
		if f, err = client.Read(); err == nil {
			fmt.Printf("%x %q\n", f.Opcode, f.Payload)
		}
	}

	fmt.Println(server.Close(), <-served)
	// Output:
	// 1 "hello"
	// a "are you there"
	// 8 "\x03\xeaunknown opcode"
	// <nil> http: Server closed
}
