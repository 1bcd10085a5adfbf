"""Writes iris.csv, digits.csv, auto_mpg.csv and co2.csv again from the wheels they come from.

    pip download --no-deps scikit-learn==1.9.1 vega-datasets==0.9.0 statsmodels==0.14.6
    python3 prepare.py scikit_learn-*.whl vega_datasets-*.whl statsmodels-*.whl

Only the Python standard library is needed.
"""

import csv
import gzip
import io
import json
import sys
import zipfile


def write(name, header, rows):
    with open(name, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def iris(wheel):
    lines = wheel.read("sklearn/datasets/data/iris.csv").decode().split("\n")
    species = lines[0].split(",")[2:]
    rows = [line.split(",") for line in lines[1:] if line]
    header = ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"]
    write("iris.csv", header, [row[:4] + [species[int(row[4])]] for row in rows])


def digits(wheel):
    text = gzip.decompress(wheel.read("sklearn/datasets/data/digits.csv.gz")).decode()
    rows = [[int(float(cell)) for cell in row] for row in csv.reader(io.StringIO(text))]
    write("digits.csv", [f"p{i}" for i in range(64)] + ["digit"], rows)


def auto_mpg(wheel):
    cars = json.loads(wheel.read("vega_datasets/_data/cars.json"))
    fields = ["Miles_per_Gallon", "Cylinders", "Displacement", "Horsepower", "Weight_in_lbs", "Acceleration"]
    rows = []
    for number, car in enumerate(cars):
        # The JSON file lost the model year 1981: its rows stand before those of 1982 and are marked 1982.
        # The 1981 rows are numbers 345 to 374, checked against mlxtend's copy of the UCI file.
        year = 81 if 345 <= number <= 374 else int(car["Year"][2:4])
        # A search and replace of the column name "acc" has spoiled the name of the Honda Accord.
        name = car["Name"].replace("Accelerationord", "accord")
        values = ["" if car[field] is None else car[field] for field in fields]
        rows.append(values + [year, car["Origin"], name])
    header = ["mpg", "cylinders", "displacement", "horsepower", "weight", "acceleration", "model_year", "origin", "name"]
    write("auto_mpg.csv", header, rows)


def co2(wheel):
    months = {}
    for row in csv.DictReader(io.StringIO(wheel.read("statsmodels/datasets/co2/co2.csv").decode())):
        if row["co2"]:  # weeks without a measurement are empty
            months.setdefault(f"{row['date'][:4]}-{row['date'][4:6]}", []).append(float(row["co2"]))
    # Months without any week are left out: the series has gaps.
    write("co2.csv", ["month", "co2"], [[month, f"{sum(weeks) / len(weeks):.2f}"] for month, weeks in months.items()])


if __name__ == "__main__":
    sklearn, vega, statsmodels = (zipfile.ZipFile(path) for path in sys.argv[1:4])
    iris(sklearn)
    digits(sklearn)
    auto_mpg(vega)
    co2(statsmodels)
