package nice

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// yieldTo has a copy of this test's program yield, and say what its threads have come to.
const yieldTo = "RECOUNT_TEST_YIELD_TO"

func TestMain(m *testing.M) {
	if to := os.Getenv(yieldTo); to != "" {
		if err := yieldAndTell(to); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// yieldAndTell yields to one value after the other, and prints the nice value of every thread: of those that were there
// before, and of those that were made behind it.
func yieldAndTell(values string) error {
	release := make(chan struct{})
	var busy sync.WaitGroup
	defer busy.Wait()
	defer close(release)
	makeThreads(&busy, release)
	for text := range strings.SplitSeq(values, ",") {
		value, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		if err := Yield(value); err != nil {
			return err
		}
	}
	makeThreads(&busy, release)
	files, err := filepath.Glob("/proc/self/task/*/stat")
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Println(niceOf(string(text)))
	}
	return nil
}

const threadsMade = 8

// makeThreads has so many goroutines keep a thread each until they are released.
func makeThreads(busy *sync.WaitGroup, release <-chan struct{}) {
	has := make(chan struct{})
	for range threadsMade {
		busy.Go(func() {
			runtime.LockOSThread()
			has <- struct{}{}
			<-release
		})
	}
	for range threadsMade {
		<-has
	}
}

// niceOf reads the 19th field of /proc/PID/stat. The 2nd may hold anything, and ends with the last parenthesis.
func niceOf(stat string) string {
	return strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])[19-3]
}

func TestEveryThreadYields(t *testing.T) {
	t.Parallel()
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	own, err := strconv.Atoi(niceOf(string(stat)))
	if err != nil {
		t.Fatal(err)
	}
	for values, most := range map[string]int{"7": 7, "0": 0, "9,3": 9, "4,4,12": 12, "19": 19} {
		t.Run(values, func(t *testing.T) {
			t.Parallel()
			want := strconv.Itoa(max(own, most)) // the tests may have been started by nice
			c := exec.CommandContext(t.Context(), os.Args[0])
			c.Env = append(os.Environ(), yieldTo+"="+values)
			out, err := c.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			lines := strings.Fields(string(out))
			if len(lines) < 2*threadsMade {
				t.Errorf("only %d threads: %s", len(lines), out)
			}
			for _, got := range lines {
				if got != want {
					t.Errorf("a thread's nice value is %s, want %s", got, want)
				}
			}
		})
	}
}

func TestNobodyTakesWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	for _, value := range []int{-1, 20} {
		if err := Yield(value); err == nil {
			t.Errorf("%d: no error", value)
		}
	}
	for _, value := range []int{0, 19} {
		if err := Check(value); err != nil {
			t.Error(err)
		}
	}
}
