/** The ceiling of plain JavaScript: node:dgram that returns what it receives, with QR set. */
import { createSocket } from "node:dgram";

const socket = createSocket("udp4");
socket.on("message", (message, { port, address }) => {
  message[2]! |= 0x80;
  socket.send(message, port, address);
});
socket.bind(Number(process.argv[2]), "127.0.0.1");
