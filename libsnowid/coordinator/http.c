/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/http.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "libsnowid/coordinator/server_list.h"
#include "libsnowid/coordinator/tls_exit.h"
#include "libsnowid/coordinator/wakeup_pair.h"
#include "snowid.h"

#define ANSWER_MAX      (16u << 20) /* bytes: 256 records with long kinds need a tenth of it */
#define CONNECTIONS_MAX 16          /* to each server; requests beyond them queue */

/* Names are looked up again for each new connection, and connections are replaced now and then, so
 * that a server whose address has changed in DNS is found. */
#define NAME_CACHED_SECONDS    1L
#define CONNECTION_AGE_SECONDS 300L

struct http_socket {
	struct http_socket *next;
	curl_socket_t descriptor;
};

struct http_call {
	struct http_call *next, **link; /* in the list of those on their way, or finished */
	CURL *easy;
	struct curl_slist *headers;
	char *path, *body;
	char *answer;
	size_t size, room;
	size_t server;         /* which it is sent to */
	size_t servers_failed; /* how many it cannot have reached */
	size_t hopeless;       /* how many of those never can be, as they are set up */
	uint64_t end_ns;
	uint64_t unix_ms;
	long status;
	void *user;
	char why[CURL_ERROR_SIZE + 300];
	char error[CURL_ERROR_SIZE];
	char method[8];
};

struct sn_http {
	struct sn_coordinator_settings settings;
	CURLM *multi;
	struct sn_server_list servers;
	size_t server; /* the next request goes to this one */
	struct http_call *active, *finished, *answered;
	struct http_socket *sockets; /* that libcurl has open */
	int wakeup_pair[2];          /* likewise; -1: not known */
	struct sn_http *next_abandoned;
};

uint64_t sn_http_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void call_unlink(struct http_call *call)
{
	if (call->link)
		*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	call->link = NULL;
	call->next = NULL;
}

/* Moves it behind the others of a list. */
static void call_append(struct http_call *call, struct http_call **list)
{
	call_unlink(call);
	while (*list)
		list = &(*list)->next;
	*list = call;
	call->link = list;
}

static void call_free(struct http_call *call)
{
	if (!call)
		return;
	call_unlink(call);
	if (call->easy)
		curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	free(call->path);
	free(call->body);
	free(call->answer);
	free(call);
}

/* ---- what libcurl calls ---------------------------------------------------------------------- */

/* A child has to close the descriptors without libcurl, and a program that is executed must not get
 * them. */
static curl_socket_t http_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct sn_http *const http = user;
	struct http_socket *const entry = malloc(sizeof *entry);

	(void)purpose;
	if (!entry)
		return CURL_SOCKET_BAD;
	entry->descriptor = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	if (entry->descriptor == CURL_SOCKET_BAD) {
		free(entry);
		return CURL_SOCKET_BAD;
	}
	entry->next = http->sockets;
	http->sockets = entry;
	return entry->descriptor;
}

static int http_close_socket(void *user, curl_socket_t descriptor)
{
	struct sn_http *const http = user;

	for (struct http_socket **link = &http->sockets; *link; link = &(*link)->next) {
		struct http_socket *const entry = *link;
		if (entry->descriptor != descriptor)
			continue;
		*link = entry->next;
		free(entry);
		break;
	}
	return close(descriptor);
}

static size_t call_add_body(char *data, size_t size, size_t count, void *user)
{
	struct http_call *const call = user;

	size *= count;
	if (size > ANSWER_MAX - call->size)
		return 0;
	if (call->room - call->size <= size) {
		size_t room = call->room ? call->room : 1024;
		while (room - call->size <= size)
			room *= 2;
		char *const answer = realloc(call->answer, room);
		if (!answer)
			return 0;
		call->answer = answer;
		call->room = room;
	}
	memcpy(call->answer + call->size, data, size);
	call->size += size;
	call->answer[call->size] = '\0';
	return size;
}

/* The header Date (RFC 9110, 6.6.1) is the only clock of the service that a client sees. */
static size_t call_add_header(char *data, size_t size, size_t count, void *user)
{
	static const char name[] = "Date:";
	struct http_call *const call = user;
	char text[64];

	size *= count;
	if (size >= sizeof name && size < sizeof text &&
	    strncasecmp(data, name, sizeof name - 1) == 0) {
		memcpy(text, data, size);
		text[size] = '\0';
		const time_t date = curl_getdate(text + sizeof name - 1, NULL);
		call->unix_ms = date > 0 ? (uint64_t)date * 1000 : 0;
	}
	return size;
}

/* OpenSSL may write to a connection that the server has closed. With CURLOPT_NOSIGNAL, libcurl does
 * not keep that signal from the program in whose thread this is. */
struct sigpipe_hold {
	sigset_t before;
	bool was_pending; /* it is somebody else's, and stays */
};

static void sigpipe_hold(struct sigpipe_hold *hold)
{
	sigset_t sigpipe, pending;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &sigpipe, &hold->before);
	sigpending(&pending);
	hold->was_pending = sigismember(&pending, SIGPIPE);
}

static void sigpipe_drop(const struct sigpipe_hold *hold)
{
	static const struct timespec at_once;
	sigset_t sigpipe;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	while (!hold->was_pending && sigtimedwait(&sigpipe, NULL, &at_once) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &hold->before, NULL);
}

/* ---- requests -------------------------------------------------------------------------------- */

static bool easy_set_tls(CURL *easy, const struct sn_coordinator_settings *settings)
{
	bool set = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ==
		   CURLE_OK;

	if (settings->ca_file) /* those of the system are then not trusted */
		set = set && curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
		      curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_file) == CURLE_OK;
	/* A file that was replaced is read again. */
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	if (settings->cert_file)
		set = set &&
		      curl_easy_setopt(easy, CURLOPT_SSLCERT, settings->cert_file) == CURLE_OK;
	if (settings->key_file)
		set = set && curl_easy_setopt(easy, CURLOPT_SSLKEY, settings->key_file) == CURLE_OK;
	/* Without a password OpenSSL would ask for one on the terminal. */
	return set && curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "") == CURLE_OK;
}

static bool easy_set_transport(CURL *easy, struct sn_http *http)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, http_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, http);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, http_close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, http);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, NAME_CACHED_SECONDS);
	curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, CONNECTION_AGE_SECONDS);
	/* To take a call off its handle must not wait for a resolver that is silent. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	return curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
}

static bool call_set_content(struct http_call *call, const struct sn_http_request *request)
{
	CURL *const easy = call->easy;
	const char *const headers[] = {"Content-Type: application/json",
				       "Expect:", request->header};

	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		struct curl_slist *const list =
			headers[i] ? curl_slist_append(call->headers, headers[i]) : call->headers;
		if (!list)
			return false;
		call->headers = list;
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, call_add_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, call_add_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	if (call->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(call->body));
	}
	return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method) == CURLE_OK;
}

/* A call has an answer once it is among those that are finished. */
static void call_fail(struct sn_http *http, struct http_call *call, const char *why)
{
	call->status = 0;
	snprintf(call->why, sizeof call->why, "%s: %s", http->servers.names[call->server], why);
	call_append(call, &http->finished);
}

static void call_start(struct sn_http *http, struct http_call *call)
{
	const uint64_t now = sn_http_now();
	char url[1024];

	call->size = 0;
	call->error[0] = '\0';
	if (now >= call->end_ns) {
		call_fail(http, call, "no answer in time");
		return;
	}
	const int length = snprintf(url, sizeof url, "http%s://%s%s", http->settings.tls ? "s" : "",
				    http->servers.names[call->server], call->path);
	curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS,
			 (long)((call->end_ns - now + 999999) / 1000000));
	if (length < 0 || (size_t)length >= sizeof url ||
	    curl_easy_setopt(call->easy, CURLOPT_URL, url) != CURLE_OK)
		call_fail(http, call, "its URL is too long");
	else if (curl_multi_add_handle(http->multi, call->easy) != CURLM_OK)
		call_fail(http, call, "out of memory");
	else
		call_append(call, &http->active);
}

bool sn_http_send(struct sn_http *http, const struct sn_http_request *request, void *user)
{
	struct http_call *const call = calloc(1, sizeof *call);

	if (!call)
		return false;
	call->user = user;
	call->server = http->server;
	call->end_ns = sn_http_now() + request->timeout_ns;
	snprintf(call->method, sizeof call->method, "%s", request->method);
	call->path = strdup(request->path);
	call->body = request->body ? strdup(request->body) : NULL;
	call->easy = curl_easy_init();
	if (!call->easy || !call->path || (request->body && !call->body) ||
	    !easy_set_transport(call->easy, http) || !easy_set_tls(call->easy, &http->settings) ||
	    !call_set_content(call, request)) {
		call_free(call);
		return false;
	}
	call_start(http, call);
	return true;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* With TLS 1.3, a server refuses the certificate of a client after the client's first request. */
static bool is_refused_by_tls(const char *error)
{
	static const char *const reasons[] = {"certificate", "unknown ca", "handshake failure",
					      "protocol version", "access denied"};
	const char *const alert = strstr(error, "alert ");

	for (size_t i = 0; alert && i < sizeof reasons / sizeof *reasons; i++)
		if (strstr(alert, reasons[i]))
			return true;
	return strstr(error, "wrong version number") != NULL; /* it does not speak TLS */
}

static bool is_hopeless_code(CURLcode code, const char *error)
{
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return true;
	default:
		return is_refused_by_tls(error);
	}
}

/* Whether the request has not been sent. */
static bool has_not_reached(CURL *easy, CURLcode code, bool hopeless)
{
	curl_off_t sent_at = 0;

	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent_at);
	return hopeless || (sent_at == 0 && code != CURLE_OPERATION_TIMEDOUT);
}

/* The next request goes to another server, unless another call has already seen to that. */
static void http_leave_server(struct sn_http *http, const struct http_call *call)
{
	if (http->server == call->server)
		http->server = (call->server + 1) % http->servers.count;
}

static void call_finish(struct sn_http *http, struct http_call *call, CURLcode code)
{
	const char *error = call->error[0] ? call->error : curl_easy_strerror(code);
	const bool hopeless = code != CURLE_OK && is_hopeless_code(code, error);

	curl_multi_remove_handle(http->multi, call->easy);
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &call->status);
	if (code != CURLE_OK || call->status >= 500)
		http_leave_server(http, call);
	if (code == CURLE_OK) {
		call_append(call, &http->finished);
		return;
	}
	call->hopeless += hopeless;
	call->servers_failed++;
	if (call->servers_failed < http->servers.count &&
	    has_not_reached(call->easy, code, hopeless)) {
		call->server = (call->server + 1) % http->servers.count;
		call_start(http, call);
		return;
	}
	if (code == CURLE_WRITE_ERROR)
		error = "its answer is too long, or there is no memory";
	else if (code == CURLE_GOT_NOTHING && !http->settings.tls)
		error = "it closed the connection without an answer; does it want tls=1?";
	else if (code == CURLE_SSL_CONNECT_ERROR && !hopeless)
		error = "it broke off the TLS handshake; does it speak TLS?";
	call_fail(http, call, error);
}

/* Lets libcurl send and receive what it can now. */
static void http_perform(struct sn_http *http)
{
	struct sigpipe_hold hold;
	struct CURLMsg *message;
	int running, left;

	if (http->settings.tls && !sn_tls_enter())
		return;
	sigpipe_hold(&hold);
	curl_multi_perform(http->multi, &running);
	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct http_call *call = NULL;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
		call_finish(http, call, message->data.result);
	}
	sigpipe_drop(&hold);
	if (http->settings.tls)
		sn_tls_leave();
}

bool sn_http_receive(struct sn_http *http, void **user, struct sn_http_answer *answer)
{
	call_free(http->answered);
	http->answered = NULL;
	if (!http->finished)
		http_perform(http);
	struct http_call *const call = http->finished;
	if (!call)
		return false;
	call_unlink(call);
	http->answered = call;
	while (call->size > 0 && isspace((unsigned char)call->answer[call->size - 1]))
		call->answer[--call->size] = '\0'; /* it may be shown to people */
	*user = call->user;
	*answer = (struct sn_http_answer){
		.status = call->status,
		.body = call->answer ? call->answer : "",
		.size = call->size,
		.unix_ms = call->unix_ms,
		.server = http->servers.names[call->server],
		.why = call->why,
		.hopeless = call->hopeless > 0 && call->hopeless == call->servers_failed,
	};
	return true;
}

void sn_http_wait(struct sn_http *http, uint64_t ns)
{
	const uint64_t ms = ns / 1000000 + (ns % 1000000 != 0);

	if (!http->finished)
		curl_multi_poll(http->multi, NULL, 0, ms < INT_MAX ? (int)ms : INT_MAX, NULL);
}

void sn_http_wake(struct sn_http *http)
{
	curl_multi_wakeup(http->multi);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int http_check_tls(const struct sn_coordinator_settings *settings, char *why, size_t size)
{
	if (!settings->tls && (settings->ca_file || settings->cert_file || settings->key_file))
		(void)snprintf(why, size, "ca=, cert= and key= need tls=1");
	else if (!settings->cert_file != !settings->key_file)
		(void)snprintf(why, size, "cert= and key= need each other");
	else
		return 0;
	return SNOWID_E_INVALID;
}

static void http_init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	sn_tls_exit_watch();
}

int sn_http_open(const struct sn_coordinator_settings *settings, const char *default_port,
		 struct sn_http **opened, char *why, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct sn_http *const http = calloc(1, sizeof *http);

	if (size > 0)
		*why = '\0';
	if (!http)
		return -ENOMEM;
	pthread_once(&once, http_init_curl);
	http->settings = *settings;
	http->wakeup_pair[0] = http->wakeup_pair[1] = -1;
	int error = http_check_tls(settings, why, size);
	if (!error)
		error = sn_server_list_parse(settings->servers, default_port, &http->servers, why,
					     size);
	http->multi = curl_multi_init();
	if (!http->multi)
		error = -ENOMEM;
	if (error) {
		sn_http_close(http, false);
		return error;
	}
	curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CONNECTIONS_MAX);
	sn_wakeup_pair_find(http->multi, http->wakeup_pair);
	*opened = http;
	return 0;
}

static void http_free_calls(struct sn_http *http, struct http_call *call)
{
	while (call) {
		struct http_call *const next = call->next;
		if (call->easy)
			curl_multi_remove_handle(http->multi, call->easy);
		call_free(call);
		call = next;
	}
}

/* What is left behind stays reachable, so that tools do not call it a leak. */
static void http_abandon(struct sn_http *http)
{
	static _Atomic(struct sn_http *) abandoned;

	for (const struct http_socket *entry = http->sockets; entry; entry = entry->next)
		close(entry->descriptor);
	for (size_t i = 0; i < 2; i++)
		if (http->wakeup_pair[i] >= 0)
			close(http->wakeup_pair[i]);
	http->next_abandoned = atomic_exchange(&abandoned, http);
}

static void http_free(struct sn_http *http)
{
	struct sigpipe_hold hold;

	sigpipe_hold(&hold);
	http_free_calls(http, http->active);
	http_free_calls(http, http->finished);
	call_free(http->answered);
	if (http->multi)
		curl_multi_cleanup(http->multi);
	sigpipe_drop(&hold);
	sn_server_list_free(&http->servers);
	free(http);
}

void sn_http_close(struct sn_http *http, bool inherited)
{
	const bool tls = http->settings.tls;

	if (inherited || (tls && !sn_tls_enter())) {
		http_abandon(http);
		return;
	}
	http_free(http);
	if (tls)
		sn_tls_leave();
}
