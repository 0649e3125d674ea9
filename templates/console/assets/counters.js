// <input data-count="subject-length" data-best="60">: the number of characters beside a field, said when typing rests.
const PAUSE = 700; // milliseconds without a key before a screen reader hears the number

function show(field) {
  const place = document.getElementById(field.dataset.count);
  if (!place) return;
  const number = [...field.value].length;
  place.querySelector("[data-number]").textContent = String(number);
  place.classList.toggle("over", Number(field.dataset.best) > 0 && number > Number(field.dataset.best));
  clearTimeout(field.countTimer);
  field.countTimer = setTimeout(() => {
    const heard = place.querySelector("[data-heard]");
    if (heard) heard.textContent = place.querySelector("[data-shown]").textContent;
  }, PAUSE);
}

document.addEventListener("input", (event) => {
  if (event.target.dataset?.count) show(event.target);
});
for (const field of document.querySelectorAll("[data-count]")) show(field);
