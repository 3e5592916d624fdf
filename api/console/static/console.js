// What is quicker with a keyboard. Everything works without it.
"use strict";

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (typing) {
    if (event.key === "Escape") typing.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const links = [...document.querySelectorAll("[data-rows] a.row")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "/") {
    const find = document.getElementById("find");
    if (find) {
      event.preventDefault();
      find.focus();
      find.select();
    }
  } else if (event.key === "j" && links.length) {
    links[Math.min(at + 1, links.length - 1)].focus();
  } else if (event.key === "k" && links.length) {
    links[Math.max(at - 1, 0)].focus();
  }
});

// The slider in time: its place is said in words at once, and asked for when it is let go.
document.addEventListener("input", (event) => {
  const slider = event.target.closest("input[data-slider]");
  if (!slider) return;
  const at = new Date(Number(slider.value) * 1000);
  const told = document.getElementById(slider.dataset.slider);
  if (told) told.textContent = at.toISOString().slice(0, 10);
});
document.addEventListener("change", (event) => {
  const slider = event.target.closest("input[data-slider]");
  if (slider) slider.form.requestSubmit();
});
