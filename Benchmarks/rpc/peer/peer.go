// SPDX-License-Identifier: Apache-2.0

// What grpc-go answers by: PathExists as an lstat(2), on one socket.
package main

import (
	"context"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

type raw struct{}

func (raw) Marshal(value interface{}) ([]byte, error) { return *value.(*[]byte), nil }
func (raw) Unmarshal(data []byte, value interface{}) error {
	*value.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (raw) Name() string { return "proto" }

func exists(_ interface{}, _ context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
	var request []byte
	if err := decode(&request); err != nil {
		return nil, err
	}
	response := []byte{}
	if len(request) > 2 {
		if _, err := os.Lstat(string(request[2:])); err == nil {
			response = []byte{8, 1}
		}
	}
	return &response, nil
}

func main() {
	encoding.RegisterCodec(raw{})
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "v1.Filesystem", HandlerType: (*interface{})(nil),
		Methods: []grpc.MethodDesc{{MethodName: "PathExists", Handler: exists}},
	}, struct{}{})
	panic(server.Serve(listener))
}
