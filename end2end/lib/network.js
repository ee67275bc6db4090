// How network functions talk: JSON by HTTP/1.1 or HTTP/2, to us and from us.
import http from 'node:http';
import http2 from 'node:http2';

/** Sends JSON by HTTP/1.1. */
export async function byHttp1(path, body, headers = {}, method = 'POST') {
  const answer = await fetch(new URL(path, process.env.END2END_URL), {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text && JSON.parse(text) };
}

/** Sends JSON by HTTP/2 without TLS, known beforehand (RFC 9113, section 3.3), as network functions do. */
export function byHttp2(path, body, sent = {}, method = 'POST') {
  return new Promise((resolve, reject) => {
    const connection = http2.connect(process.env.END2END_URL);
    connection.once('error', reject);
    const stream = connection.request({
      ':method': method,
      ':path': path,
      'content-type': 'application/json',
      ...sent,
    });
    let text = '';
    let headers;
    stream.once('response', (received) => {
      headers = new Headers(Object.entries(received).filter(([name]) => !name.startsWith(':')));
      headers.status = received[':status'];
    });
    stream.on('data', (chunk) => {
      text += chunk;
    });
    stream.once('error', reject);
    stream.once('end', () => {
      connection.close();
      resolve({ status: headers.status, headers, body: text && JSON.parse(text) });
    });
    stream.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** A network function that is notified, by one version of HTTP alone. */
export class Peer {
  /** What it was sent, the newest last. */
  received = [];
  /** Status codes of its next answers; then 204. */
  answers = [];

  constructor(version) {
    this.version = version;
  }

  /** Listens, again at the same port when it was stopped. */
  async start() {
    const answer = async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const { url: path, method, headers, httpVersion } = request;
      this.received.push({ path, method, headers, httpVersion, body: JSON.parse(text) });
      response.writeHead(this.answers.shift() ?? 204);
      response.end();
    };
    this.server = this.version === 2 ? http2.createServer(answer) : http.createServer(answer);
    this.connections = new Set();
    this.server.on('connection', (socket) => {
      this.connections.add(socket);
      socket.once('close', () => this.connections.delete(socket));
    });
    await new Promise((resolve) => this.server.listen(this.port ?? 0, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  async stop() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.connections) socket.destroy();
    await closed;
  }
}
