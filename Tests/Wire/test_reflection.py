# SPDX-License-Identifier: Apache-2.0
"""gRPC's server reflection, asked by gRPC's own client: every socket describes its service, and calls made from that
description alone are answered."""
import importlib

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from proxy import SOCKETS, Proxy

GRPC = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    with Proxy(tmp_path_factory.mktemp("reflection"), "--reflection") as proxy:
        yield proxy


@pytest.fixture
def database(described):
    def connect(group, version):
        return ProtoReflectionDescriptorDatabase(described.channel(group, version))
    return connect


@pytest.mark.parametrize("group, version", SOCKETS)
def test_a_socket_describes_its_service_as_its_file_does(database, group, version):
    found = database(group, version)
    name = f"{version}.{group.capitalize()}"
    assert sorted(found.get_services()) == sorted([*GRPC, name])
    pool = descriptor_pool.DescriptorPool(found)
    described = pool.FindServiceByName(name)
    importlib.import_module(f"{group}.{version}.{group}_pb2")
    own = descriptor_pool.Default().FindServiceByName(name)
    assert [method.name for method in described.methods] == [method.name for method in own.methods]
    for method, expected in zip(described.methods, own.methods):
        for side in "input_type", "output_type":
            assert_same(getattr(method, side), getattr(expected, side))


def assert_same(message, expected):
    assert message.full_name == expected.full_name
    fields = [(field.name, field.number, field.type, field.is_repeated) for field in message.fields]
    assert fields == [(field.name, field.number, field.type, field.is_repeated) for field in expected.fields]
    for field, other in zip(message.fields, expected.fields):
        if field.message_type:
            assert_same(field.message_type, other.message_type)


def test_a_call_made_from_the_description_is_answered(described, database):
    pool = descriptor_pool.DescriptorPool(database("filesystem", "v1"))
    method = pool.FindServiceByName("v1.Filesystem").FindMethodByName("PathExists")
    request, response = (message_factory.GetMessageClass(side) for side in (method.input_type, method.output_type))
    call = described.channel("filesystem", "v1").unary_unary(
        "/v1.Filesystem/PathExists", request_serializer=request.SerializeToString, response_deserializer=response.FromString)
    assert call(request(path=str(described.kubelet))).exists
    assert not call(request(path=str(described.kubelet / "none"))).exists


@pytest.mark.parametrize("name", GRPC)
def test_grpcs_own_services_are_described(database, name):
    pool = descriptor_pool.DescriptorPool(database("disk", "v1"))
    assert pool.FindServiceByName(name).methods


def test_other_sockets_services_are_not_described(database):
    pool = descriptor_pool.DescriptorPool(database("disk", "v1"))
    for name in "v1.Volume", "v1beta1.Disk", "v1.None", "v1":
        with pytest.raises(KeyError):
            pool.FindServiceByName(name)


def test_without_the_option_nothing_is_described(proxy):
    with pytest.raises(grpc.RpcError) as error:
        ProtoReflectionDescriptorDatabase(proxy.channel("disk", "v1")).get_services()
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
