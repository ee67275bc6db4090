// A payment gateway in a process of its own that speaks WeChat Pay APIv3 with Node's cryptography, keeps its own books, and
// behaves as badly as it is told. Started by `gateway.js`.
import { constants, createCipheriv, createHash, createPublicKey, createSign, createVerify, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import process from 'node:process';

const { merchantPublicKey, platformKey, platformKeyId, mchid, appid, serial, apiKey } = JSON.parse(process.env.GATEWAY);

/** How it behaves: of the next requests, some fail before they are done, or after; callbacks come so often, so late, or not. */
const nature = { failBefore: 0, failAfter: 0, callbacks: 1, lateMs: 0 };
const payments = new Map();
const refunds = new Map();
let base;

const beijing = (at) => `${new Date(at.getTime() + 8 * 3600_000).toISOString().slice(0, 19)}+08:00`;
const yuan = (fen) => `${Math.trunc(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;

function signed(body) {
  const [timestamp, nonce] = [String(Math.floor(Date.now() / 1000)), randomBytes(16).toString('hex')];
  const signature = createSign('RSA-SHA256').update(`${timestamp}\n${nonce}\n${body}\n`).sign(platformKey, 'base64');
  return {
    'wechatpay-timestamp': timestamp,
    'wechatpay-nonce': nonce,
    'wechatpay-signature': signature,
    'wechatpay-serial': platformKeyId,
  };
}

function isMerchants(request, body) {
  const [scheme, rest] = (request.headers.authorization ?? '').split(/ (.*)/s);
  const of = Object.fromEntries([...(rest ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  const message = `${request.method}\n${request.url}\n${of.timestamp}\n${of.nonce_str}\n${body}\n`;
  const key = { key: createPublicKey(merchantPublicKey), padding: constants.RSA_PKCS1_PADDING };
  const verified = createVerify('RSA-SHA256').update(message).verify(key, of.signature ?? '', 'base64');
  return scheme === 'WECHATPAY2-SHA256-RSA2048' && of.mchid === mchid && of.serial_no === serial && verified;
}

function sealed(text, data) {
  const nonce = randomBytes(6).toString('hex');
  const cipher = createCipheriv('aes-256-gcm', apiKey, nonce).setAAD(Buffer.from(data));
  const ciphertext = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString('base64');
  return { original_type: data, algorithm: 'AEAD_AES_256_GCM', ciphertext, associated_data: data, nonce };
}

function transaction(payment) {
  const back = [...refunds.values()].some(({ payment: of }) => of === payment);
  const state = payment.state === 'SUCCESS' && back ? 'REFUND' : payment.state;
  const told = { appid, mchid, out_trade_no: payment.number, trade_type: payment.type, trade_state: state, trade_state_desc: state };
  if (!payment.paidAt) return told;
  const amount = { total: payment.fen, payer_total: payment.fen, currency: 'CNY', payer_currency: 'CNY' };
  return { ...told, transaction_id: payment.id, bank_type: 'OTHERS', success_time: beijing(payment.paidAt), amount };
}

function refundTold(refund, state) {
  const { number, id, fen, payment, arrivedAt } = refund;
  return {
    refund_id: id,
    out_refund_no: number,
    transaction_id: payment.id,
    out_trade_no: payment.number,
    channel: 'ORIGINAL',
    user_received_account: '支付用户零钱',
    create_time: beijing(refund.createdAt),
    [state]: arrivedAt ? 'SUCCESS' : 'PROCESSING',
    ...(arrivedAt && { success_time: beijing(arrivedAt) }),
    amount: { total: payment.fen, refund: fen, payer_total: payment.fen, payer_refund: fen, currency: 'CNY' },
  };
}

/** Tells the merchant, as often and as late as it is told to. */
function tell(url, kind, event, told) {
  const resource = sealed(JSON.stringify(told), kind);
  const body = JSON.stringify({
    id: `EV-${randomBytes(8).toString('hex')}`,
    create_time: beijing(new Date()),
    resource_type: 'encrypt-resource',
    event_type: event,
    summary: event,
    resource,
  });
  for (let time = 0; time < nature.callbacks; time += 1) {
    setTimeout(async () => {
      const headers = { 'content-type': 'application/json', ...signed(body) };
      const answer = await fetch(url, { method: 'POST', headers, body }).catch((error) => ({ status: String(error) }));
      process.send({ callback: { event, status: answer.status } });
    }, nature.lateMs);
  }
}

const refuse = (status, code) => ({ status, json: { code, message: code } });

function prepare(type, asked) {
  if (asked.appid !== appid || asked.mchid !== mchid || !asked.description || asked.amount?.currency !== 'CNY') {
    return refuse(400, 'PARAM_ERROR');
  }
  if (type === 'MWEB' && !asked.scene_info?.payer_client_ip) return refuse(400, 'PARAM_ERROR');
  const number = asked.out_trade_no;
  if (!/^[\w\-|*]{6,32}$/.test(number) || !(new Date(asked.time_expire) > new Date())) return refuse(400, 'PARAM_ERROR');
  const fen = asked.amount.total;
  const known = payments.get(number);
  if (known && (known.fen !== fen || known.type !== type)) return refuse(403, 'OUT_TRADE_NO_USED');
  if (known && known.state !== 'NOTPAY') return refuse(400, 'ORDER_CLOSED');
  const id = `42${String(payments.size + 1).padStart(26, '0')}`;
  const payment = known ?? { number, id, type, fen, state: 'NOTPAY', notifyUrl: asked.notify_url, description: asked.description };
  payments.set(number, payment);
  const url = `${base}/pay/${number}`;
  return { status: 200, json: type === 'MWEB' ? { h5_url: url } : { code_url: url } };
}

function refund(asked) {
  const payment = [...payments.values()].find(
    ({ number, id }) => number === asked.out_trade_no || id === asked.transaction_id,
  );
  if (!payment?.paidAt) return refuse(404, 'RESOURCE_NOT_EXISTS');
  const number = asked.out_refund_no;
  const { refund: fen, total } = asked.amount;
  const known = refunds.get(number);
  if (known) return known.fen === fen ? { status: 200, json: refundTold(known, 'status') } : refuse(403, 'OUT_TRADE_NO_USED');
  const before = [...refunds.values()].filter((other) => other.payment === payment).reduce((sum, other) => sum + other.fen, 0);
  if (total !== payment.fen || before + fen > payment.fen) return refuse(400, 'PARAM_ERROR');
  const id = `50${String(refunds.size + 1).padStart(26, '0')}`;
  const made = { number, id, fen, payment, createdAt: new Date() };
  refunds.set(number, made);
  setTimeout(() => {
    made.arrivedAt = new Date();
    tell(asked.notify_url, 'refund', 'REFUND.SUCCESS', refundTold(made, 'refund_status'));
  }, 300);
  return { status: 200, json: refundTold(made, 'status') };
}

const header =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注';
const totals = '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额';

function statement(day) {
  const time = (at) => beijing(at).slice(0, 19).replace('T', ' ');
  const on = (at) => at && beijing(at).startsWith(day);
  const row = (values) => values.map((value) => `\`${value}`).join(',');
  const paid = [...payments.values()].filter(({ paidAt }) => on(paidAt));
  const back = [...refunds.values()].filter(({ arrivedAt }) => on(arrivedAt));
  const lines = [
    ...paid.map(({ paidAt, id, number, type, fen, description }) =>
      row([time(paidAt), appid, mchid, 0, '', id, number, 'o', type, 'SUCCESS', 'OTHERS', 'CNY', yuan(fen), '0.00', 0, 0, '0.00', '0.00', '', '', description, '', '0.00000', '0.00%', yuan(fen), '0.00', '']),
    ),
    ...back.map(({ arrivedAt, id, number, fen, payment }) =>
      row([time(arrivedAt), appid, mchid, 0, '', payment.id, payment.number, 'o', payment.type, 'REFUND', 'OTHERS', 'CNY', '0.00', '0.00', id, number, yuan(fen), '0.00', 'ORIGINAL', 'SUCCESS', '', '', '0.00000', '0.00%', '0.00', yuan(fen), '']),
    ),
  ];
  const sum = (rows) => yuan(rows.reduce((whole, { fen }) => whole + fen, 0));
  const total = row([lines.length, sum(paid), sum(back), '0.00', '0.00000', sum(paid), sum(back)]);
  return [`\ufeff${header}`, ...lines, totals, total, ''].join('\r\n');
}

function answer(request, body) {
  const url = new URL(request.url, base);
  const path = url.pathname;
  const asked = body ? JSON.parse(body) : null;
  const byNumber = /^\/v3\/pay\/transactions\/out-trade-no\/([^/]+)(\/close)?$/.exec(path);
  if (byNumber) {
    const payment = payments.get(byNumber[1]);
    if (!payment) return refuse(404, 'ORDER_NOT_EXIST');
    if (!byNumber[2]) return { status: 200, json: transaction(payment) };
    if (payment.state === 'SUCCESS') return refuse(400, 'ORDERPAID');
    payment.state = 'CLOSED';
    return { status: 204 };
  }
  const byOwnNumber = /^\/v3\/pay\/transactions\/id\/([^/]+)$/.exec(path);
  if (byOwnNumber) {
    const payment = [...payments.values()].find(({ id, paidAt }) => paidAt && id === byOwnNumber[1]);
    return payment ? { status: 200, json: transaction(payment) } : refuse(404, 'ORDER_NOT_EXIST');
  }
  if (path === '/v3/pay/transactions/native') return prepare('NATIVE', asked);
  if (path === '/v3/pay/transactions/h5') return prepare('MWEB', asked);
  if (path === '/v3/refund/domestic/refunds') return refund(asked);
  const known = /^\/v3\/refund\/domestic\/refunds\/([^/]+)$/.exec(path);
  if (known) {
    const made = refunds.get(known[1]);
    return made ? { status: 200, json: refundTold(made, 'status') } : refuse(404, 'RESOURCE_NOT_EXISTS');
  }
  const text = statement(url.searchParams.get('bill_date'));
  if (path === '/v3/bill/tradebill') {
    const hash = createHash('sha1').update(text).digest('hex');
    return { status: 200, json: { hash_type: 'SHA1', hash_value: hash, download_url: `${base}/file${url.search}` } };
  }
  return path === '/file' ? { status: 200, text } : refuse(404, 'NOT_FOUND');
}

/** Somebody pays, with a button, as in a wallet. */
function payPage(request, response) {
  const payment = payments.get(decodeURIComponent(request.url.slice('/pay/'.length)));
  if (request.method === 'POST' && payment?.state === 'NOTPAY') {
    Object.assign(payment, { state: 'SUCCESS', paidAt: new Date() });
    tell(payment.notifyUrl, 'transaction', 'TRANSACTION.SUCCESS', transaction(payment));
  }
  const state = payment?.state ?? 'unknown';
  response.writeHead(payment ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!DOCTYPE html><title>${state}</title><form method="post"><button>${state}</button></form>`);
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString('utf8');
  if (request.url.startsWith('/pay/')) return payPage(request, response);
  // What a browser asks for by itself.
  if (request.url === '/favicon.ico') return response.writeHead(204).end();
  const send = ({ status, json, text }) => {
    const said = text ?? (json ? JSON.stringify(json) : '');
    response.writeHead(status, { 'content-type': 'application/json', ...signed(said) }).end(said);
  };
  if (!isMerchants(request, body)) return send(refuse(401, 'SIGN_ERROR'));
  process.send({ asked: `${request.method} ${request.url}` });
  const broken = () => response.writeHead(500).end('{"code":"SYSTEM_ERROR","message":"try again"}');
  if (nature.failBefore > 0) {
    nature.failBefore -= 1;
    return broken();
  }
  const said = answer(request, body);
  if (nature.failAfter > 0) {
    nature.failAfter -= 1;
    return broken();
  }
  return send(said);
});

process.on('message', (message) => {
  Object.assign(nature, message.nature ?? {});
  if (message.books) {
    const back = [...refunds.values()].map(({ number, fen }) => ({ number, fen }));
    process.send({ books: { payments: [...payments.values()].map(({ number, fen, state }) => ({ number, fen, state })), refunds: back } });
  }
});
// The test is over, or was killed.
process.on('disconnect', () => process.exit());

server.listen(0, '127.0.0.1', () => {
  base = `http://127.0.0.1:${server.address().port}`;
  process.send({ listening: base });
});
