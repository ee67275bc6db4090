// A call-out service in a process of its own, which knows signatures from the npm package `standardwebhooks`, the reference
// implementation. Started by `calls.js`.
import { createServer } from 'node:http';
import process from 'node:process';
import { Webhook } from 'standardwebhooks';

const { CALL_SECRET: secret } = process.env;

/** What is answered to the next calls; 202 after that. */
const answers = [];

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

const server = createServer(async (request, response) => {
  const text = await body(request);
  try {
    const call = new Webhook(secret).verify(text, request.headers);
    const status = answers.shift() ?? 202;
    process.send({ call: { ...call, webhookId: request.headers['webhook-id'], status } });
    response.writeHead(status).end();
  } catch (error) {
    process.send({ unverified: String(error) });
    response.writeHead(401).end();
  }
});

/** Tells how a call ended: signed by `by`, so many minutes ago. */
async function tell({ number, url, status, callId, by = secret, minutesAgo = 0, body: given }) {
  const text = given ?? JSON.stringify({ call_id: callId, status });
  const at = new Date(Date.now() - minutesAgo * 60_000);
  const id = `status_${number}`;
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(by).sign(id, at, text),
  };
  const answer = await fetch(url, { method: 'POST', headers, body: text });
  process.send({ told: { number, status: answer.status } });
}

process.on('message', (message) => {
  if (message.answers) answers.push(...message.answers);
  if (message.tell) tell(message.tell);
});
// The test is over, or was killed.
process.on('disconnect', () => process.exit());

server.listen(0, '127.0.0.1', () => process.send({ listening: server.address().port }));
