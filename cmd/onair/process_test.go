//go:build unix

package main_test

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/websocket/wstest"
)

// process is the program in a process of its own.
type process struct {
	*running
	cmd *exec.Cmd
	log *bufio.Reader // standard error
}

func startProcess(t *testing.T) *process {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, "serve", "-addr=127.0.0.1:0")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.WaitDelay = 10 * time.Second
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // gone already, unless the test failed

	p := &process{running: &running{t: t}, cmd: cmd, log: bufio.NewReader(stderr)}
	var greeting strings.Builder
	for in := bufio.NewReader(stdout); !strings.Contains(greeting.String(), "VITE_REVERB_SCHEME"); {
		line, err := in.ReadString('\n')
		require.NoError(t, err, "greeting so far: %s", &greeting)
		greeting.WriteString(line)
	}
	p.read(greeting.String())
	return p
}

// wait waits for the end and returns what was logged and how it ended.
func (p *process) wait() (log string, state *os.ProcessState) {
	p.t.Helper()
	rest, err := io.ReadAll(p.log)
	require.NoError(p.t, err)
	_ = p.cmd.Wait() // what it says is in the state
	return string(rest), p.cmd.ProcessState
}

func TestSignalsStopGracefully(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			p := startProcess(t)
			c := p.connect(p.variable("REVERB_APP_KEY"), "")
			require.Contains(t, next(t, c), "connection_established")

			require.NoError(t, p.cmd.Process.Signal(sig))
			c.Timeout = time.Minute
			var err error
			for err == nil {
				_, err = c.ReadText()
			}
			var closing *wstest.ClosedError
			require.ErrorAs(t, err, &closing)
			assert.Equal(t, uint16(4100), closing.Code)
			log, state := p.wait()
			assert.Equal(t, 0, state.ExitCode(), "%s: %s", state, log)
		})
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := startProcess(t)
	// A request that does not come to its end holds the graceful stop up.
	conn, err := net.Dial("tcp", p.address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = io.WriteString(conn, "GET /up HTTP/1.1\r\n")
	require.NoError(t, err)

	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	line, err := p.log.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "stopping")
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	_, state := p.wait()
	assert.Equal(t, syscall.SIGTERM, state.Sys().(syscall.WaitStatus).Signal(), "ended by the signal: %s", state)
}
