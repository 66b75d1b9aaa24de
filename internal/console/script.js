// Adds to the pages what only a script can: each time in the browser's time zone beside
// UTC, and buttons that copy a text. Every page is complete without it: times are shown in
// UTC, and one click selects a text to copy. Texts are set as text, never as markup.
"use strict";
(() => {
  const zoned = new Intl.DateTimeFormat("en-GB", {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
    hourCycle: "h23", timeZoneName: "short",
  });

  // local returns a time in the browser's zone, with its date where that is not UTC's, or
  // "" in UTC itself.
  function local(at) {
    const part = Object.fromEntries(zoned.formatToParts(at).map((p) => [p.type, p.value]));
    if (part.timeZoneName === "UTC") {
      return "";
    }
    const date = `${part.year}-${part.month}-${part.day}`;
    const time = `${part.hour}:${part.minute}:${part.second} ${part.timeZoneName}`;
    return date === at.toISOString().slice(0, 10) ? time : `${date} ${time}`;
  }

  function addLocalTimes() {
    for (const element of document.querySelectorAll("time[datetime]")) {
      const at = new Date(element.dateTime);
      const text = Number.isNaN(at.getTime()) ? "" : local(at);
      if (text === "") {
        continue;
      }
      const span = document.createElement("span");
      span.className = "local";
      span.textContent = element.querySelector(".full") ? text : `, ${text}`;
      element.append(element.querySelector(".full") ? " " : "", span);
    }
  }

  // select selects a text, for the keys that copy.
  function select(element) {
    if (element.select) {
      element.select();
    } else {
      getSelection().selectAllChildren(element);
    }
  }

  function addCopyButtons() {
    const said = document.createElement("p");
    said.className = "unseen";
    said.setAttribute("role", "status");
    document.querySelector("main").append(said);
    for (const element of document.querySelectorAll("[data-copy]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "Copy";
      button.setAttribute("aria-label", `Copy ${element.dataset.copy}`);
      button.addEventListener("click", async () => {
        let result = "Copied";
        try {
          await navigator.clipboard.writeText(element.value ?? element.textContent);
        } catch {
          select(element);
          result = "Selected";
        }
        button.textContent = result;
        button.setAttribute("aria-label", `${result} ${element.dataset.copy}`);
        said.textContent = result === "Copied" ? "Copied." : "Selected: press the keys that copy.";
      });
      element.after(" ", button);
    }
  }

  addLocalTimes();
  addCopyButtons();
})();
