// SPDX-License-Identifier: Apache-2.0

// A client for rpcx servers in a page: JSON calls over a WebSocket.
//
//   const client = await Client.connect("ws://localhost:8080/_rpcx_");
//   const reply = await client.call("Arith", "Mul", { A: 6, B: 7 });

const MAGIC = 0x08;
const RESPONSE = 0x80, HEARTBEAT = 0x40, STATUS = 0x03; // bits of the third byte
const JSON_CODEC = 1;
const HEADER = 16; // bytes, the length of what follows included
const LARGEST = 16 << 20;

export class Client {
  #socket;
  #seq = 0n;
  #calls = new Map(); // sequence number -> { resolve, reject }
  #rest = new Uint8Array(0); // the beginning of a frame that has not come whole

  // What servers send without being asked.
  onpush = (service, method, data) => {};

  // connect returns a client once the connection stands.
  static connect(url) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => resolve(new Client(socket));
      socket.onerror = () => reject(new Error(`no connection to ${url}`));
    });
  }

  constructor(socket) {
    this.#socket = socket;
    socket.onmessage = (event) => this.#receive(new Uint8Array(event.data));
    socket.onerror = null;
    socket.onclose = (event) => this.#fail(new Error(`connection closed, code ${event.code}`));
  }

  // call resolves to the reply, or rejects with the server's error.
  call(service, method, args, metadata = {}) {
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.reject(new Error("connection is closed"));
    const seq = ++this.#seq;
    return new Promise((resolve, reject) => {
      this.#calls.set(seq, { resolve, reject });
      this.#socket.send(encode(seq, service, method, metadata, JSON.stringify(args)));
    });
  }

  close() {
    this.#socket.close(1000);
  }

  // receive takes a message. Where messages end says nothing about where frames do.
  #receive(message) {
    let bytes = message;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + message.length);
      bytes.set(this.#rest);
      bytes.set(message, this.#rest.length);
    }
    while (bytes.length >= HEADER) {
      const size = HEADER + new DataView(bytes.buffer, bytes.byteOffset).getUint32(12);
      if (bytes[0] !== MAGIC || size > LARGEST) {
        this.#fail(new Error("the server sent something else than frames"));
        this.#socket.close(4000);
        return;
      }
      if (bytes.length < size) break;
      this.#dispatch(decode(bytes.subarray(0, size)));
      bytes = bytes.subarray(size);
    }
    this.#rest = bytes;
  }

  #dispatch(frame) {
    if (frame.flags & HEARTBEAT) return;
    if (!(frame.flags & RESPONSE)) {
      this.onpush(frame.service, frame.method, frame.payload);
      return;
    }
    const call = this.#calls.get(frame.seq);
    if (!call) return;
    this.#calls.delete(frame.seq);
    if (frame.flags & STATUS) {
      call.reject(new Error(frame.metadata.__rpcx_error__ ?? "unknown error"));
      return;
    }
    try {
      call.resolve(frame.payload === "" ? undefined : JSON.parse(frame.payload));
    } catch (err) {
      call.reject(err);
    }
  }

  #fail(err) {
    for (const call of this.#calls.values()) call.reject(err);
    this.#calls.clear();
  }
}

// encode makes the frame of a request: header, sequence number, and four parts, each
// with its length in front.
function encode(seq, service, method, metadata, payload) {
  const text = (s) => new TextEncoder().encode(s);
  const pairs = Object.entries(metadata).flat().map(text);
  const parts = [text(service), text(method), join(pairs), text(payload)];
  const body = join(parts);
  const frame = new Uint8Array(HEADER + body.length);
  const view = new DataView(frame.buffer);
  frame[0] = MAGIC;
  frame[3] = JSON_CODEC << 4;
  view.setBigUint64(4, seq);
  view.setUint32(12, body.length);
  frame.set(body, HEADER);
  return frame;
}

// join puts parts behind each other, the length of each in front of it.
function join(parts) {
  const size = parts.reduce((n, p) => n + 4 + p.length, 0);
  const all = new Uint8Array(size);
  const view = new DataView(all.buffer);
  let at = 0;
  for (const p of parts) {
    view.setUint32(at, p.length);
    all.set(p, at + 4);
    at += 4 + p.length;
  }
  return all;
}

// split undoes join.
function split(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts = [];
  for (let at = 0; at < bytes.length; ) {
    const size = view.getUint32(at);
    parts.push(bytes.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return parts;
}

function decode(frame) {
  const text = (b) => new TextDecoder().decode(b);
  const [service, method, pairs, payload] = split(frame.subarray(HEADER));
  const metadata = {};
  const list = split(pairs).map(text);
  for (let i = 0; i + 1 < list.length; i += 2) metadata[list[i]] = list[i + 1];
  return {
    flags: frame[2],
    seq: new DataView(frame.buffer, frame.byteOffset).getBigUint64(4),
    service: text(service),
    method: text(method),
    metadata,
    payload: text(payload),
  };
}
