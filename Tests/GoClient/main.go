// SPDX-License-Identifier: Apache-2.0

// Calls a running proxy as grpc-go does, from bytes alone: no generated code. It prints a line for each behaviour and
// exits with 1 if one is not as it should be.
//
//	go run . DIRECTORY ROOT     the sockets' directory, and a directory that the policy allows
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// raw passes messages as they are.
type raw struct{}

func (raw) Marshal(value interface{}) ([]byte, error) { return *value.(*[]byte), nil }
func (raw) Unmarshal(data []byte, value interface{}) error {
	*value.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (raw) Name() string { return "proto" }

// field is a message of one text: field 1 of every request that is used here.
func field(text string) []byte {
	length := make([]byte, binary.MaxVarintLen64)
	return append(append([]byte{0x0a}, length[:binary.PutUvarint(length, uint64(len(text)))]...), text...)
}

func dial(directory, socket string, options ...grpc.DialOption) *grpc.ClientConn {
	options = append(options, grpc.WithInsecure(), grpc.WithContextDialer(
		func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", directory+"/csi-proxy-"+socket)
		}))
	connection, err := grpc.Dial("passthrough:///localhost", options...)
	if err != nil {
		panic(err)
	}
	return connection
}

func call(ctx context.Context, connection *grpc.ClientConn, method string, request []byte, options ...grpc.CallOption) ([]byte, error) {
	var response []byte
	err := connection.Invoke(ctx, method, &request, &response, append(options, grpc.ForceCodec(raw{}))...)
	return response, err
}

var failed = false

func expect(what string, isSo bool, found ...interface{}) {
	if isSo {
		fmt.Println("ok    ", what)
	} else {
		failed = true
		fmt.Println("FAILED", what, found)
	}
}

const exists = "/v1.Filesystem/PathExists"

func main() {
	directory, root := os.Args[1], os.Args[2]
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	files := dial(directory, "filesystem-v1")

	response, err := call(ctx, files, exists, field(root))
	expect("a call is answered", err == nil && string(response) == "\x08\x01", response, err)

	_, err = call(ctx, files, "/v1.Filesystem/None", nil)
	expect("an unknown method is UNIMPLEMENTED", status.Code(err) == codes.Unimplemented, err)

	_, err = call(ctx, files, exists, field("relative"))
	expect("an error has its text", status.Code(err) == codes.InvalidArgument && status.Convert(err).Message() != "", err)

	var trailers metadata.MD
	_, err = call(ctx, files, exists, field("/proc/nowhere/日本 %"), grpc.Trailer(&trailers))
	expect("a text of any letters arrives", strings.Contains(status.Convert(err).Message(), "日本 %"), err)
	details := status.Convert(err).Proto().GetDetails()
	expect("the details arrive", len(details) == 1 && len(trailers.Get("host-storage-code")) == 1, details, trailers)

	_, err = call(ctx, files, exists, field("/"+strings.Repeat("a", 4<<20)))
	expect("a message over 4 MiB is RESOURCE_EXHAUSTED", status.Code(err) == codes.ResourceExhausted, err)
	_, err = call(ctx, files, exists, field("/"+strings.Repeat("a", 1<<20)))
	expect("a message of 1 MiB is read", status.Code(err) == codes.InvalidArgument, err)

	_, err = call(ctx, files, exists, field(root), grpc.UseCompressor(gzip.Name))
	expect("compression is UNIMPLEMENTED", status.Code(err) == codes.Unimplemented, err)

	for _, left := range []time.Duration{-time.Second, 0, time.Nanosecond} {
		short, end := context.WithTimeout(ctx, left)
		_, err = call(short, files, exists, field(root))
		expect(fmt.Sprint("a deadline of ", left, " has passed"), status.Code(err) == codes.DeadlineExceeded, err)
		end()
	}
	for _, left := range []time.Duration{time.Second, 10 * time.Second, 99 * time.Second, 3 * time.Hour, 10000 * time.Hour} {
		long, end := context.WithTimeout(ctx, left)
		_, err = call(long, files, exists, field(root))
		expect(fmt.Sprint("a deadline of ", left, " is kept"), err == nil, err)
		end()
	}

	_, err = call(metadata.AppendToOutgoingContext(ctx, "x", "y", "x-bin", "\x00\xff"), files, exists, field(root))
	expect("metadata is ignored", err == nil, err)

	errors := make(chan error, 1000)
	var group sync.WaitGroup
	for caller := 0; caller < cap(errors); caller++ {
		group.Add(1)
		go func(caller int) {
			defer group.Done()
			if caller%3 == 0 {
				soon, end := context.WithTimeout(ctx, time.Duration(caller%7)*100*time.Microsecond)
				defer end()
				call(soon, files, exists, field(root))
				return
			}
			_, err := call(ctx, files, exists, field(root))
			errors <- err
		}(caller)
	}
	group.Wait()
	close(errors)
	var bad error
	for err := range errors {
		if err != nil {
			bad = err
		}
	}
	expect("1000 calls at once, a third of them cancelled", bad == nil, bad)

	kept := dial(directory, "filesystem-v1", grpc.WithKeepaliveParams(
		keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true}))
	_, err = call(ctx, kept, exists, field(root))
	expect("a client with keepalive calls", err == nil, err)
	time.Sleep(11 * time.Second)
	before := kept.GetState().String()
	_, err = call(ctx, kept, exists, field(root))
	expect("its pings are answered", err == nil && before == "READY", before, err)

	stream, err := files.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, exists, grpc.ForceCodec(raw{}))
	if err == nil {
		stream.CloseSend()
		var response []byte
		err = stream.RecvMsg(&response)
	}
	expect("a call without a message has a status", status.Code(err) == codes.InvalidArgument, err)

	stream, err = files.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, exists, grpc.ForceCodec(raw{}))
	if err == nil {
		request, response := field(root), []byte{}
		stream.SendMsg(&request)
		stream.SendMsg(&request)
		stream.CloseSend()
		err = stream.RecvMsg(&response)
	}
	expect("two messages have a status", status.Code(err) == codes.Internal, err)

	if failed {
		os.Exit(1)
	}
}
