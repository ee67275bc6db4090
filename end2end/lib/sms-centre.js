// An SMS centre in a process of its own: the SMPP server of the npm package `smpp`, a third party's.
//
// Started by `sms.js` it hands what it takes to the phones there before it answers, as a centre stores a message before it
// says so. Started by itself (`cargo xtask bench`) it takes and confirms everything, and prints how much once a second.
import process from 'node:process';
import smpp from 'smpp';

const { SMS_CENTRE_PORT: port = '0', SMS_CENTRE_USER: user, SMS_CENTRE_PASSWORD: password } = process.env;
const isAlone = !process.send;
const MC_RECEIPT = 0x04;
const UDHI = 0x40;
const UCS2 = 0x08;

/** What tests ask for: see `Centre.set` in `sms.js`. */
const wanted = { throttleEvery: 0, dieAfter: 0, receiptFirst: false, failing: {} };

let session;
let taken = 0;
let confirmed = 0;
let told = 0;
/** As of a real centre: never the same twice, hexadecimal in answers and decimal in receipts. */
let lastId = Date.now() * 1000;

/** Hands something to the process of the test; resolved once it has left this one. */
function hand(message) {
  if (isAlone) return Promise.resolve();
  return new Promise((resolve) => process.send(message, resolve));
}

async function submit(pdu) {
  told += 1;
  if (wanted.throttleEvery && told % wanted.throttleEvery === 0) {
    return session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
  }
  lastId += 1;
  const id = lastId;
  taken += 1;
  const { udh, message } = pdu.short_message;
  await hand({
    submitted: {
      from: pdu.source_addr,
      to: pdu.destination_addr,
      coding: pdu.data_coding,
      udh: udh?.map((element) => [...element]) ?? [],
      text: message,
      octets: smpp.encodings[pdu.data_coding === UCS2 ? 'UCS2' : 'ASCII'].encode(message).length,
      reference: pdu.user_message_reference,
      validity: pdu.validity_period instanceof Date ? pdu.validity_period.getTime() - Date.now() : null,
    },
  });
  if (wanted.dieAfter && taken >= wanted.dieAfter) process.kill(process.pid, 'SIGKILL');
  const answer = () => session.send(pdu.response({ message_id: id.toString(16).toUpperCase().padStart(16, '0') }));
  if (!(pdu.registered_delivery & 1)) return answer();
  if (wanted.receiptFirst) {
    receipt(pdu, id);
    setTimeout(answer, 20);
  } else {
    answer();
    receipt(pdu, id);
  }
}

function receipt(pdu, id) {
  const stat = wanted.failing[pdu.destination_addr] ?? 'DELIVRD';
  session.deliver_sm(
    {
      source_addr: pdu.destination_addr,
      destination_addr: pdu.source_addr,
      esm_class: MC_RECEIPT,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2611220800 done date:2611220800 stat:${stat} err:000 text:`,
    },
    () => {
      confirmed += 1;
    },
  );
}

/** Delivers what a phone sent; tells how it was answered. */
async function deliver({ number, parameters }) {
  const answered = (status) => hand({ answered: { number, status } });
  if (!session) return answered('no connection');
  const { udh, text, ...others } = parameters;
  const message = udh ? { udh: Buffer.from(udh), message: text } : text;
  const esm_class = udh ? UDHI : 0;
  const sent = session.deliver_sm({ esm_class, ...others, short_message: message }, (pdu) =>
    answered(pdu.command_status),
  );
  if (!sent) await answered('no connection');
}

const server = smpp.createServer((opened) => {
  opened.on('bind_transceiver', async (pdu) => {
    if (!isAlone && (pdu.system_id !== user || pdu.password !== password)) {
      opened.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
      return opened.close();
    }
    session = opened;
    opened.send(pdu.response({ system_id: 'centre' }));
    await hand({ bound: { version: pdu.interface_version } });
  });
  opened.on('submit_sm', submit);
  opened.on('enquire_link', (pdu) => opened.send(pdu.response()));
  opened.on('unbind', (pdu) => {
    opened.send(pdu.response());
    opened.close();
  });
  opened.on('error', () => {});
  opened.on('close', () => {
    if (session === opened) session = undefined;
  });
});

process.on('message', (message) => {
  if (message.set) Object.assign(wanted, message.set);
  if (message.deliver) deliver(message.deliver);
  if (message.octets) session?.socket.write(Buffer.from(message.octets, 'hex'));
});
// The test is over, or was killed.
process.on('disconnect', () => process.exit());

server.listen(Number(port), '127.0.0.1', () => {
  const listening = server.address().port;
  if (isAlone) console.log(`listening ${listening}`);
  else hand({ listening });
});

if (isAlone) setInterval(() => console.log(`taken ${taken} confirmed ${confirmed}`), 1000);
