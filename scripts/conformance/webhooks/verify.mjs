// Verifies the cases of a file with the npm package standardwebhooks, and prints those that are
// not as expected, and how many are.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

let passed = 0;
let failed = 0;
for (const { name, secret, headers, body, accepted } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  let reason = "";
  try {
    new Webhook(secret).verify(Buffer.from(body, "base64"), headers);
  } catch (error) {
    reason = String(error);
  }
  if ((reason === "") === accepted) passed++;
  else {
    failed++;
    console.log(`npm: ${name}: ${reason || "accepted"}`);
  }
}
console.log(JSON.stringify({ passed, failed }));
