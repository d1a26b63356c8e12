/* SPDX-License-Identifier: MIT
 *
 * GenerateID served with the library of gRPC for C++, and libsnowid: what bench/snowidd.py compares
 * the daemon with. It has the callback interface, which that library recommends.
 *
 * grpc_reference ADDRESS
 */
#include <cstdio>

#include <grpcpp/grpcpp.h>

#include "snowid.grpc.pb.h"
#include "snowid.h"

class Service final : public IDGenerator::CallbackService
{
      public:
	grpc::ServerUnaryReactor *GenerateID(grpc::CallbackServerContext *context,
					     const GenerateIDRequest *,
					     GenerateIDResponse *response) override
	{
		grpc::ServerUnaryReactor *const reactor = context->DefaultReactor();
		uint64_t id = 0;

		const int error = snowid_generator_next(generator, &id);
		response->set_id(static_cast<int64_t>(id));
		reactor->Finish(
			error ? grpc::Status(grpc::StatusCode::UNAVAILABLE, snowid_strerror(error))
			      : grpc::Status::OK);
		return reactor;
	}

	struct snowid_generator *generator = nullptr;
};

int main(int, char **arguments)
{
	Service service;
	grpc::ServerBuilder builder;

	if (snowid_generator_open(&service.generator, "snowflake", "worker=1",
				  "store=memory:", static_cast<char *>(nullptr)) != 0)
		return 1;
	builder.AddListeningPort(arguments[1], grpc::InsecureServerCredentials());
	builder.RegisterService(&service);
	const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
	if (!server)
		return 1;
	puts("serving");
	fflush(stdout);
	server->Wait();
	return 0;
}
