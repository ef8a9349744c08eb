// What makes pages pleasanter. Everything here is extra: each page works without it.
(function () {
  "use strict";
  const root = document.documentElement;

  // --- Theme ---------------------------------------------------------------------------------------------------------
  function nameThemeButtons() {
    const other = root.dataset.bsTheme === "dark" ? "light" : "dark";
    document.querySelectorAll("[data-theme-toggle]").forEach((button) => {
      button.setAttribute("aria-label", `Change to ${other} colours`);
    });
  }

  function toggleTheme() {
    const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
    root.dataset.bsTheme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // The choice then lasts for this page only.
    }
    nameThemeButtons();
  }

  // --- Time zone -----------------------------------------------------------------------------------------------------
  // The zone of the profile wins; the cookie serves people who have not set one.
  function tellTimeZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone) return;
    if (!root.dataset.accountTimezone) {
      const secure = location.protocol === "https:" ? "; Secure" : "";
      document.cookie = `tz=${zone}; path=/; max-age=31536000; SameSite=Lax${secure}`;
    }
    document.querySelectorAll("[data-timezone-offer]").forEach((offer) => {
      const field = document.getElementById(offer.dataset.timezoneOffer);
      if (!field || field.value === zone) return;
      offer.querySelector("[data-timezone-name]").textContent = zone;
      offer.hidden = false;
      offer.querySelector("button").addEventListener("click", () => {
        field.value = zone;
        field.dispatchEvent(new Event("change", { bubbles: true }));
        offer.hidden = true;
        field.focus();
      });
    });
  }

  // --- Forms ---------------------------------------------------------------------------------------------------------
  const changed = new Set();

  function isGuarded(form) {
    return form && form.matches("form[data-guard]");
  }

  document.addEventListener("input", (event) => {
    if (isGuarded(event.target.form)) changed.add(event.target.form);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    changed.delete(form);
    if (!form.matches("[data-once]") || event.defaultPrevented) return;
    // After the browser has read the form, or the pressed button would not be sent.
    setTimeout(() => form.querySelectorAll("button[type=submit], button:not([type])").forEach((button) => {
      button.disabled = true;
    }));
  });

  // A page that comes back from the browser's cache must be usable again.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("[data-once] button:disabled").forEach((button) => { button.disabled = false; });
  });

  window.addEventListener("beforeunload", (event) => {
    for (const form of changed) {
      if (form.isConnected) event.preventDefault();
    }
  });

  let wait = null;
  function submitSoon(form, delay) {
    clearTimeout(wait);
    wait = setTimeout(() => form.requestSubmit(), delay);
  }

  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form && form.matches("[data-autosubmit]") && event.target.type !== "search") submitSoon(form, 0);
  });

  document.addEventListener("input", (event) => {
    // Without a target the whole page would reload under the fingers of the person typing.
    const form = event.target.form;
    if (event.target.type === "search" && form && form.matches("[data-autosubmit][hx-get]")) submitSoon(form, 350);
  });

  function leadToErrors(scope) {
    const summary = scope.querySelector("[data-error-summary]");
    if (summary) summary.focus();
  }

  // --- Clicks --------------------------------------------------------------------------------------------------------
  async function copy(button) {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      return;
    }
    const label = button.getAttribute("aria-label");
    button.setAttribute("aria-label", "Copied");
    button.classList.add("tone-met");
    setTimeout(() => {
      button.classList.remove("tone-met");
      if (label) button.setAttribute("aria-label", label);
    }, 1600);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-toggle], [data-copy], [data-dismiss], [data-print]");
    document.querySelectorAll("details[data-menu][open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
    if (!button) return;
    if (button.matches("[data-theme-toggle]")) toggleTheme();
    else if (button.matches("[data-copy]")) copy(button);
    else if (button.matches("[data-print]")) window.print();
    else button.closest("[data-message]").remove();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details[data-menu][open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });

  document.addEventListener("htmx:afterSwap", (event) => leadToErrors(event.target));
  document.addEventListener("htmx:responseError", showTrouble);
  document.addEventListener("htmx:sendError", showTrouble);

  // A refused or lost request must not look as if nothing had happened.
  function showTrouble(event) {
    const region = document.getElementById("messages");
    const status = event.detail.xhr ? event.detail.xhr.status : 0;
    const words = {
      0: "The server could not be reached. Nothing was saved; please try again.",
      403: "You may not do that, or your session has ended. Reload the page and try again.",
      404: "This is no longer there. Reload the page.",
      409: "This has changed since you opened the page. Nothing was saved; reload to see it as it is now.",
      413: "That file is too large.",
      429: "Too many tries in a short time. Wait a minute and try again.",
    };
    const note = document.createElement("div");
    note.className = "callout callout-blocked";
    note.textContent = words[status] || "Something went wrong on our side. Nothing was saved; please try again.";
    region.replaceChildren(note);
    region.scrollIntoView({ block: "nearest" });
  }

  nameThemeButtons();
  tellTimeZone();
  leadToErrors(document);
})();
