// SPDX-License-Identifier: Apache-2.0

// Loads two or more servers in turn (A B A B …) with unary calls, and prints the medians of calls per second, p50, p99
// and the server's CPU time per call, and their ratios to the last server's. A server whose allocations are counted in a
// file (allocations.c) has them per call as well.
//
//	load -method /v1.Filesystem/PathExists -path /x -conns 1 -callers 32 A=SOCKET:PID[:FILE] B=SOCKET:PID
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type raw struct{}

func (raw) Marshal(value interface{}) ([]byte, error) { return *value.(*[]byte), nil }
func (raw) Unmarshal(data []byte, value interface{}) error {
	*value.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (raw) Name() string { return "proto" }

// field is a message of one text.
func field(text string) []byte {
	length := make([]byte, binary.MaxVarintLen64)
	return append(append([]byte{0x0a}, length[:binary.PutUvarint(length, uint64(len(text)))]...), text...)
}

type server struct {
	name        string
	pid         string
	counted     string
	connections []*grpc.ClientConn
	rounds      []figures
}

type figures struct{ rate, p50, p99, cpu, allocations float64 }

func allocations(file string) float64 {
	data, _ := os.ReadFile(file)
	if len(data) < 8 {
		return 0
	}
	return float64(binary.LittleEndian.Uint64(data))
}

// cpuSeconds is the time that a process has run.
func cpuSeconds(pid string) (sum float64) {
	tasks, _ := os.ReadDir("/proc/" + pid + "/task")
	for _, task := range tasks {
		text, _ := os.ReadFile("/proc/" + pid + "/task/" + task.Name() + "/schedstat")
		if fields := strings.Fields(string(text)); len(fields) > 0 {
			nanoseconds, _ := strconv.ParseFloat(fields[0], 64)
			sum += nanoseconds / 1e9
		}
	}
	return sum
}

func main() {
	method := flag.String("method", "/v1.Filesystem/PathExists", "the method")
	path := flag.String("path", "/", "the text of the request")
	count := flag.Int("conns", 1, "connections")
	callers := flag.Int("callers", 1, "calls at a time")
	seconds := flag.Float64("secs", 2, "of a round")
	rounds := flag.Int("rounds", 5, "of each server")
	expected := flag.Int("status", 0, "of each call")
	flag.Parse()
	var servers []*server
	for _, argument := range flag.Args() {
		name, rest, _ := strings.Cut(argument, "=")
		socket, rest, _ := strings.Cut(rest, ":")
		pid, counted, _ := strings.Cut(rest, ":")
		one := &server{name: name, pid: pid, counted: counted}
		for i := 0; i < *count; i++ {
			connection, err := grpc.Dial("passthrough:///localhost", grpc.WithInsecure(), grpc.WithContextDialer(
				func(ctx context.Context, _ string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, "unix", socket)
				}))
			if err != nil {
				panic(err)
			}
			one.connections = append(one.connections, connection)
		}
		servers = append(servers, one)
	}
	request := field(*path)
	round := func(s *server, seconds float64) figures {
		var times []time.Duration
		var lock sync.Mutex
		var group sync.WaitGroup
		cpu, allocated, began := cpuSeconds(s.pid), allocations(s.counted), time.Now()
		for caller := 0; caller < *callers; caller++ {
			group.Add(1)
			go func(connection *grpc.ClientConn) {
				defer group.Done()
				var mine []time.Duration
				for time.Since(began).Seconds() < seconds {
					start := time.Now()
					var response []byte
					err := connection.Invoke(context.Background(), *method, &request, &response, grpc.ForceCodec(raw{}))
					if status.Code(err) != codes.Code(*expected) {
						panic(err)
					}
					mine = append(mine, time.Since(start))
				}
				lock.Lock()
				times = append(times, mine...)
				lock.Unlock()
			}(s.connections[caller%*count])
		}
		group.Wait()
		took, used := time.Since(began).Seconds(), cpuSeconds(s.pid)-cpu
		sort.Slice(times, func(a, b int) bool { return times[a] < times[b] })
		microseconds := func(part float64) float64 {
			return float64(times[int(float64(len(times)-1)*part)].Nanoseconds()) / 1e3
		}
		n := float64(len(times))
		return figures{
			n / took, microseconds(0.5), microseconds(0.99), used / n * 1e6, (allocations(s.counted) - allocated) / n,
		}
	}
	for _, s := range servers {
		round(s, 0.3)
	}
	for i := 0; i < *rounds; i++ {
		for _, s := range servers {
			s.rounds = append(s.rounds, round(s, *seconds))
		}
	}
	median := func(s *server, of func(figures) float64) float64 {
		var values []float64
		for _, one := range s.rounds {
			values = append(values, of(one))
		}
		sort.Float64s(values)
		return values[len(values)/2]
	}
	last := servers[len(servers)-1]
	fmt.Printf("%d connections, %d callers\n", *count, *callers)
	for _, s := range servers {
		fmt.Printf("  %-10s", s.name)
		for _, one := range []struct {
			name string
			of   func(figures) float64
		}{
			{"calls/s", func(f figures) float64 { return f.rate }}, {"p50 µs", func(f figures) float64 { return f.p50 }},
			{"p99 µs", func(f figures) float64 { return f.p99 }}, {"CPU µs", func(f figures) float64 { return f.cpu }},
		} {
			value := median(s, one.of)
			fmt.Printf("  %s %8.1f (%.2f×)", one.name, value, value/median(last, one.of))
		}
		if s.counted != "" {
			fmt.Printf("  allocations %5.1f", median(s, func(f figures) float64 { return f.allocations }))
		}
		fmt.Println()
	}
}
