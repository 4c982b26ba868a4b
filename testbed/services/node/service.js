// What the Node.js services share: a server with routes, the trace of a request, calls, redis.
"use strict";
const http = require("http"), net = require("net"), crypto = require("crypto");

const NAME = process.env.HOSTNAME, VERSION = process.env.VERSION;

function traceOf(request) {
    const parts = (request.headers.traceparent || "").split("-");
    return parts.length === 4 ? parts[1] : crypto.randomBytes(16).toString("hex");
}

function bodyOf(stream) {
    return new Promise((resolve, reject) => {
        const parts = [];
        stream.on("data", (part) => parts.push(part)).on("error", reject)
            .on("end", () => resolve(Buffer.concat(parts).toString()));
    });
}

const agent = new http.Agent({ keepAlive: false });

/// Asks another service as a part of the trace: { status, body }.
function call(trace, service, method, path, body) {
    return new Promise((resolve, reject) => {
        const headers = {
            "content-type": "application/json",
            traceparent: `00-${trace}-${crypto.randomBytes(8).toString("hex")}-01`,
        };
        const request = http.request({ host: service, port: 8000, method, path, headers, agent, timeout: 10000 },
            async (reply) => resolve({ status: reply.statusCode, body: JSON.parse(await bodyOf(reply) || "null") }));
        request.on("error", reject).on("timeout", () => request.destroy(new Error("timeout")));
        request.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

/// routes: [method, pattern, handler({ trace, url, match, body, headers }) -> { status, body, type }].
function serve(routes) {
    const server = http.createServer(async (request, reply) => {
        const url = new URL(request.url, "http://shop"), trace = traceOf(request);
        let answer = { status: 404, body: { error: "not here" } };
        try {
            for (const [method, pattern, handler] of routes) {
                const match = request.method === method && pattern.exec(url.pathname);
                if (match) {
                    answer = await handler({ trace, url, match, headers: request.headers, body: await bodyOf(request) });
                    break;
                }
            }
        } catch (error) {
            answer = { status: 500, body: { error: String(error) } };
        }
        const text = answer.type ? answer.body : JSON.stringify(answer.body);
        reply.writeHead(answer.status || 200, {
            "content-type": answer.type || "application/json", "content-length": Buffer.byteLength(text), "x-replica": NAME,
        });
        reply.end(text);
        console.log(NAME, trace, request.method, url.pathname, answer.status || 200);
    });
    routes.unshift(["GET", /^\/health$/, () => ({ body: { service: NAME, version: VERSION } })]);
    server.keepAliveTimeout = 60000;
    server.listen(8000, "0.0.0.0");
    process.on("SIGTERM", () => process.exit(0));
}

/// One connection to redis; answers come in the order of the questions.
class Redis {
    waiting = [];
    data = "";

    open() {
        this.socket = net.connect(6379, "redis");
        this.socket.setEncoding("latin1");
        this.socket.on("data", (part) => this.read(part));
        this.socket.on("error", () => {}).on("close", () => {
            this.socket = null;
            this.data = "";
            this.waiting.splice(0).forEach(({ reject }) => reject(new Error("redis hung up")));
        });
    }

    ask(...words) {
        if (!this.socket) this.open();
        const parts = words.map((word) => Buffer.from(String(word)).toString("latin1"));
        this.socket.write(`*${parts.length}\r\n` + parts.map((part) => `$${part.length}\r\n${part}\r\n`).join(""), "latin1");
        return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
    }

    read(part) {
        this.data += part;
        for (let found; this.waiting.length && (found = parse(this.data, 0));) {
            this.data = this.data.slice(found.end);
            this.waiting.shift().resolve(found.value);
        }
    }
}

/// One RESP value at a place of the text; null while it is not whole.
function parse(text, at) {
    const end = text.indexOf("\r\n", at);
    if (end < 0) return null;
    const rest = text.slice(at + 1, end), length = Number(rest), from = end + 2;
    switch (text[at]) {
    case "$":
        if (length < 0) return { value: null, end: from };
        if (text.length < from + length + 2) return null;
        return { value: Buffer.from(text.slice(from, from + length), "latin1").toString(), end: from + length + 2 };
    case "*": {
        const value = [];
        let place = from;
        for (let i = 0; i < length; i++) {
            const element = parse(text, place);
            if (!element) return null;
            value.push(element.value);
            place = element.end;
        }
        return { value, end: place };
    }
    default:
        return { value: text[at] === ":" ? length : rest, end: from };
    }
}

module.exports = { call, serve, Redis, VERSION };
