"""Writes sms_spam.csv from the file SMSSpamCollection of the SMS Spam Collection.

    python3 sms_spam.py SMSSpamCollection

Only the Python standard library is needed.
"""

import csv
import sys

if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8", newline="\n") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    with open("sms_spam.csv", "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["label", "text"])
        # One copy of the file has a space before its first label.
        out.writerows([label.strip(), text] for label, text in rows)
