// SPDX-License-Identifier: Apache-2.0

// What many calls, broken connections and floods leave of a server: its resident memory and the latency of others.
//
//	endurance calls SOCKET PID COUNT PATH    PathExists as many times, and the server's memory in between
//	endurance broken SOCKET PID COUNT        as many connections that break the protocol, most of them with calls
//	endurance latency SOCKET SECONDS PATH    calls of one caller, one after the other: p50 and p99
//	endurance flood SOCKET SECONDS PATH      as many calls on 8 connections as go, whose answers are thrown away
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
)

type raw struct{}

func (raw) Marshal(value interface{}) ([]byte, error) { return *value.(*[]byte), nil }
func (raw) Unmarshal(data []byte, value interface{}) error {
	*value.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (raw) Name() string { return "proto" }

const method = "/v1.Filesystem/PathExists"

func resident(pid string) string {
	text, _ := os.ReadFile("/proc/" + pid + "/status")
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kilobytes, _ := strconv.ParseFloat(fields[1], 64)
			return fmt.Sprintf("%.1f MB", kilobytes*1024/1e6)
		}
	}
	return "gone"
}

// connect waits where the backlog is full.
func connect(socket string) net.Conn {
	for {
		connection, err := net.Dial("unix", socket)
		if err == nil {
			return connection
		}
		time.Sleep(time.Millisecond)
	}
}

func client(socket string) *grpc.ClientConn {
	connection, err := grpc.Dial("passthrough:///localhost", grpc.WithInsecure(), grpc.WithContextDialer(
		func(context.Context, string) (net.Conn, error) { return connect(socket), nil }))
	if err != nil {
		panic(err)
	}
	return connection
}

func call(connection *grpc.ClientConn, path string) {
	request := append([]byte{0x0a, byte(len(path))}, path...)
	var response []byte
	if err := connection.Invoke(context.Background(), method, &request, &response, grpc.ForceCodec(raw{})); err != nil {
		panic(err)
	}
}

// several runs work on as many goroutines until it has been done count times, and reports in between.
func several(workers, count int, report func(done int), work func(worker, number int)) {
	var next int64
	var lock sync.Mutex
	var group sync.WaitGroup
	for worker := 0; worker < workers; worker++ {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			for {
				number := int(atomic.AddInt64(&next, 1))
				if number > count {
					return
				}
				work(worker, number)
				if number%(count/10) == 0 {
					lock.Lock()
					report(number)
					lock.Unlock()
				}
			}
		}(worker)
	}
	group.Wait()
}

const (
	data, headers, reset, settings, push = 0, 1, 3, 4, 5
	endStream, endHeaders                = 1, 4
)

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	head := make([]byte, 9)
	binary.BigEndian.PutUint32(head, uint32(len(payload))<<8|uint32(kind))
	head[4] = flags
	binary.BigEndian.PutUint32(head[5:], stream)
	return append(head, payload...)
}

func message(payload []byte, length int) []byte {
	head := make([]byte, 5)
	binary.BigEndian.PutUint32(head[1:], uint32(length))
	return append(head, payload...)
}

func block() (block []byte) {
	for _, field := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", method}, {"te", "trailers"},
		{"content-type", "application/grpc"}} {
		block = append(append(block, 0, byte(len(field[0]))), field[0]...)
		block = append(append(block, byte(len(field[1]))), field[1]...)
	}
	return block
}

func join(parts ...[]byte) (all []byte) {
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

var greeting = join([]byte(preface), frame(settings, 0, 0, nil))

// broken is what connections send; those after the fourth are left by the client.
func broken() [][]byte {
	many := greeting
	for stream := uint32(1); stream < 181; stream += 2 {
		many = join(many, frame(headers, endHeaders, stream, block()))
	}
	one := frame(headers, endHeaders, 1, block())
	return [][]byte{
		join(greeting, one, frame(data, 0, 1, message(make([]byte, 100), 4<<20)), frame(push, 0, 1, nil)),
		join(greeting, one, frame(data, endStream, 1, message([]byte("\x0a\x01/"), 3)),
			frame(headers, endHeaders, 3, []byte{0x80})),
		join(many, frame(reset, 0, 0, nil)),
		[]byte("GET / HTTP/1.1\r\n\r\n"),
		[]byte(preface[:10]),
		join(greeting, frame(headers, 0, 1, []byte{0})),
	}
}

func flood(socket, path string, end time.Time) {
	connection := connect(socket)
	defer connection.Close()
	go io.Copy(io.Discard, connection)
	connection.Write(greeting)
	request := message(append([]byte{0x0a, byte(len(path))}, path...), len(path)+2)
	for stream := uint32(1); time.Now().Before(end) && stream < 1<<30; {
		var calls []byte
		for i := 0; i < 100; i++ {
			calls = join(calls, frame(headers, endHeaders, stream, block()), frame(data, endStream, stream, request))
			stream += 2
		}
		if _, err := connection.Write(calls); err != nil {
			return
		}
	}
}

func main() {
	socket, number := os.Args[2], func(index int) int {
		value, err := strconv.Atoi(os.Args[index])
		if err != nil {
			panic(err)
		}
		return value
	}
	switch os.Args[1] {
	case "calls":
		pid, count := os.Args[3], number(4)
		var clients []*grpc.ClientConn
		for i := 0; i < 4; i++ {
			clients = append(clients, client(socket))
		}
		fmt.Printf("before: %s\n", resident(pid))
		several(32, count, func(done int) { fmt.Printf("%d calls: %s\n", done, resident(pid)) },
			func(worker, _ int) { call(clients[worker%4], os.Args[5]) })
	case "broken":
		pid, count, sent := os.Args[3], number(4), broken()
		fmt.Printf("before: %s\n", resident(pid))
		several(8, count, func(done int) { fmt.Printf("%d broken connections: %s\n", done, resident(pid)) },
			func(_, number int) {
				connection := connect(socket)
				defer connection.Close()
				connection.Write(sent[number%len(sent)])
				if number%len(sent) < 4 {
					connection.SetReadDeadline(time.Now().Add(20 * time.Second))
					io.Copy(io.Discard, connection)
				}
			})
		time.Sleep(time.Second)
		fmt.Printf("after: %s\n", resident(pid))
	case "latency":
		connection, end := client(socket), time.Now().Add(time.Duration(number(3))*time.Second)
		call(connection, os.Args[4])
		var times []time.Duration
		for time.Now().Before(end) {
			start := time.Now()
			call(connection, os.Args[4])
			times = append(times, time.Since(start))
		}
		sort.Slice(times, func(a, b int) bool { return times[a] < times[b] })
		fmt.Printf("p50 %v, p99 %v, greatest %v, %d calls\n", times[len(times)/2], times[len(times)*99/100],
			times[len(times)-1], len(times))
	case "flood":
		end := time.Now().Add(time.Duration(number(3)) * time.Second)
		var group sync.WaitGroup
		for i := 0; i < 8; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				for time.Now().Before(end) {
					flood(socket, os.Args[4], end)
				}
			}()
		}
		group.Wait()
	}
}
